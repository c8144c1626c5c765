"""Tables that are read on any screen, and the model that a run's folder stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hemato_edge.errors import ModelError
from hemato_training.cli.workstation import show_table
from hemato_training.evaluate.evaluation import model_in

if TYPE_CHECKING:
    from pathlib import Path

HEADINGS = ["architecture", "accuracy %", "macro F1 %", "parameters", "int8 MB", "ms a cell", "int8 loss, points"]
BODY = [["efficientnet_b0, pretrained", "97.1", "96.0", "4,000,000", "4.90", "5.1", "0.3"]]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_wide_table_is_folded_and_no_word_of_it_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    show_table(HEADINGS, BODY, "4 cells")
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    assert "…" not in shown
    for text in (*HEADINGS, *BODY[0], "4 cells"):
        assert text in shown
    assert shown.count(BODY[0][0]) == shown.count("architecture") == {60: 4, 80: 2, 200: 1}[columns]


def test_the_folder_of_a_run_stands_for_its_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither model\.keras nor model\.skops"):
        model_in(tmp_path)
    for name in ("model.skops", "model.keras"):
        (tmp_path / name).write_bytes(b"")
        assert model_in(tmp_path) == tmp_path / name
    with pytest.raises(ModelError, match="There is no"):
        model_in(tmp_path / "x.tflite")
