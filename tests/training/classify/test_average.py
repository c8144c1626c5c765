from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hemato_edge.errors import DataError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS

pytest.importorskip("keras")
from training.tiny_network import TINY

from hemato_training.classify.average import average_runs
from hemato_training.networks.backbones import ARCHITECTURES, build_classifier

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    folders = []
    for name, value in (("first", 1.0), ("second", 3.0)):
        folder = tmp_path / name
        folder.mkdir()
        model = build_classifier("tiny", 64, len(CLASSIFIER_LABELS), weights="none")
        model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
        model.save(folder / "model.keras")
        (folder / "run.json").write_text(json.dumps({"settings": {"seed": value}}))
        folders.append(folder)
    return folders


def test_the_mean_of_all_weights(runs: list[Path], tmp_path: Path) -> None:
    import keras

    path = average_runs(runs, tmp_path / "soup")
    assert all(np.all(weight == 2.0) for weight in keras.models.load_model(path, compile=False).get_weights())
    facts = json.loads((tmp_path / "soup" / "run.json").read_text())
    assert facts["settings"] == {"seed": 1.0, "averaged": "first,second"}
    with pytest.raises(DataError, match="already holds a run"):
        average_runs(runs, tmp_path / "soup")


def test_other_forms_and_missing_runs_are_refused(runs: list[Path], tmp_path: Path) -> None:
    build_classifier("tiny", 96, len(CLASSIFIER_LABELS), weights="none").save(runs[1] / "model.keras")
    with pytest.raises(ModelError, match="another form or size"):
        average_runs(runs, tmp_path / "soup")
    (runs[0] / "run.json").unlink()
    with pytest.raises(DataError, match=r"no readable run\.json"):
        average_runs(runs, tmp_path / "soup")
    with pytest.raises(ValueError, match="at least two"):
        average_runs(runs[:1], tmp_path / "soup")
