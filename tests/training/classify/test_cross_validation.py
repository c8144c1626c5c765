"""A small cross-validation on drawn cells: every cell is judged once, by a model that has not seen it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from training.tiny_network import TINY

from hemato_training.classify.cross_validation import FOLDS_FILE, cross_validate
from hemato_training.data.cell_sets import load
from hemato_training.networks.backbones import ARCHITECTURES
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_every_cell_is_judged_once(drawn_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    how = {"architecture": "tiny", "size": 64, "weights": "none", "head_epochs": 0, "epochs": 1, "batch": 16}
    settings = Settings(data=drawn_data, out=tmp_path / "folds", **how)
    result = cross_validate(settings, 2)
    cells = [one for one in load(drawn_data, settings.laboratories) if one.split in ("train", "val")]
    assert result.overall.cells == len(cells)
    assert result.groups == len({one.group for one in cells})
    assert len(result.accuracies) == 2
    low, high = result.accuracy_interval
    assert low <= result.overall.accuracy <= high
    assert result.spread == pytest.approx(np.std(result.accuracies, ddof=1))
    written = json.loads((settings.out / FOLDS_FILE).read_text())
    assert written["overall"]["cells"] == len(cells)
    runs = [json.loads((settings.out / f"fold-{part}" / "run.json").read_text()) for part in (1, 2)]
    assert [run["settings"]["fold"] for run in runs] == ["1/2", "2/2"]
    trained = [(settings.out / f"fold-{part}" / "model.keras").stat().st_mtime_ns for part in (1, 2)]
    again = cross_validate(settings, 2)
    assert again.overall == result.overall
    assert [(settings.out / f"fold-{part}" / "model.keras").stat().st_mtime_ns for part in (1, 2)] == trained
