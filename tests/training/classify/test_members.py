from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from training.tiny_network import TINY

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.classify.members import train_members
from hemato_training.networks.backbones import ARCHITECTURES, TRUNK
from hemato_training.networks.keras_model import load_keras
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        yield


@pytest.fixture(scope="module")
def settings(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = Settings(
        data=drawn_data,
        out=tmp_path_factory.mktemp("runs") / "mean",
        architecture="tiny",
        size=64,
        weights="none",
        head_epochs=1,
        epochs=1,
        batch=16,
        seed=3,
    )
    train_members(found, 2)
    return found


def test_the_mean_of_runs_that_begin_with_one_head(settings: Settings) -> None:
    folders = [settings.out / name for name in ("head", "member-1", "member-2")]
    head, *members = (load_keras(folder / "model.keras").get_weights() for folder in folders)
    mean = load_keras(settings.out / "model.keras").get_weights()
    assert all(np.allclose(one, (a + b) / 2, atol=1e-6) for one, a, b in zip(mean, *members, strict=True))
    assert any(not np.allclose(a, b) for a, b in zip(*members, strict=True))
    told = [json.loads((folder / "run.json").read_text())["settings"] for folder in folders]
    assert [one["seed"] for one in told] == [3, 301, 302]
    assert [one["epochs"] for one in told] == [0, 1, 1]
    steps = max(float(np.abs(a - b).max()) for a, b in zip(head[-2:], members[0][-2:], strict=True))
    drawn = float(np.abs(head[-2]).max())
    assert steps < drawn  # a head of its own would lie as far from the common one as that one is large
    trunk = load_keras(folders[0] / "model.keras").get_layer(TRUNK)
    assert trunk.weights  # the head's run holds a whole classifier, for the others to begin with


def test_what_is_finished_stays(settings: Settings) -> None:
    before = (settings.out / "model.keras").read_bytes()
    with pytest.raises(DataError, match="already holds a run"):
        train_members(settings, 2)
    train_members(settings, 2, resume=True)
    assert (settings.out / "model.keras").read_bytes() == before
    with pytest.raises(DataError, match="another learning_rate"):
        train_members(replace(settings, learning_rate=1e-3), 2, resume=True)


def test_one_run_is_no_average(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="cannot be averaged"):
        train_members(settings, 1)
