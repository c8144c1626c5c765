from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from training.tiny_network import TINY

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.classify import members
from hemato_training.classify.material import gather
from hemato_training.classify.members import fit_head, train_members
from hemato_training.networks.backbones import ARCHITECTURES, LOGITS, TRUNK
from hemato_training.networks.keras_model import load_keras
from hemato_training.progress import Silent
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        patch.setattr(members, "_VIEWS", 200)
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
    folders = [settings.out / name for name in ("member-1", "member-2")]
    runs = [load_keras(folder / "model.keras") for folder in folders]
    model, common = load_keras(settings.out / "model.keras"), load_keras(settings.out / "head.keras")
    trunks = [one.get_layer(TRUNK).get_weights() for one in (model, *runs)]
    assert all(np.allclose(mean, (a + b) / 2, atol=1e-6) for mean, a, b in zip(*trunks, strict=True))
    assert any(not np.allclose(a, b) for a, b in zip(*trunks[1:], strict=True))
    kernel, first = (one.get_layer(LOGITS).get_weights()[0] for one in (common, runs[0]))
    assert np.abs(first - kernel).mean() < 0.5 * np.abs(kernel).mean()  # one drawn at random would lie further away
    told = [json.loads((folder / "run.json").read_text())["settings"] for folder in (*folders, settings.out)]
    assert [one["seed"] for one in told[:2]] == [301, 302]
    assert told[2]["averaged"] == "member-1,member-2"
    assert told[2]["head"] == "0.5 fitted to the mean"


def test_half_of_the_head_is_fitted_to_the_mean(settings: Settings) -> None:
    mean, model = (load_keras(folder / "model.keras") for folder in (settings.out / "mean", settings.out))
    fitted = fit_head(mean, settings, gather(settings, settings.out / "cells", Silent()), Silent())
    expected = (mean.get_layer(LOGITS).get_weights()[0] + fitted.kernel) / 2
    assert np.allclose(model.get_layer(LOGITS).get_weights()[0], expected, atol=1e-4)


def test_an_average_that_was_stopped_is_made_anew(settings: Settings) -> None:
    before = [weight.copy() for weight in load_keras(settings.out / "model.keras").get_weights()]
    (settings.out / "run.json").unlink()
    (settings.out / "model.keras").unlink()
    train_members(settings, 2, resume=True)
    again = load_keras(settings.out / "model.keras").get_weights()
    assert all(np.allclose(one, other, atol=1e-4) for one, other in zip(before, again, strict=True))


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
