"""A model trained and judged on a folder of a person's own, whatever its name, as the commands do it."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import typer
from training.drawn_blood import draw_pbc, read_rows, write_index
from training.tiny_network import TINY
from typer.testing import CliRunner

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify import fit
from hemato_training.cli import evaluate, train
from hemato_training.networks.backbones import ARCHITECTURES
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module", autouse=True)
def tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        yield


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set `honest`: eight classes with three pictures to learn from, two to validate on and one for the test."""
    folder = tmp_path_factory.mktemp("data") / "honest"
    draw_pbc(folder, 3, 3, np.random.default_rng(5))
    header, *rows = read_rows(folder)
    last = {row[1]: i for i, row in enumerate(rows)}
    write_index(folder, tuple(header), [(*r[:3], "test" if i == last[r[1]] else r[3]) for i, r in enumerate(rows)])
    return folder


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    evaluate.register(app)
    train.register(app)
    return app


def test_evaluate(app: typer.Typer, honest: Path, tmp_path: Path) -> None:
    settings = Settings(
        data=honest.parent, out=tmp_path / "run", laboratories=("honest",), architecture="tiny", size=64,
        weights="none", head_epochs=0, epochs=1, batch=8, keep="last",
    )  # fmt: skip
    model = fit.train(settings, cache=tmp_path / "cells").model
    for data, split, cells in ((honest.parent, "val", 16), (honest, "test", 8)):
        words = ["evaluate", str(model), "--data", str(data), "--split", split, "--cache", str(tmp_path / "cells")]
        result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        report = json.loads(result.stdout[result.stdout.index("{") :])
        assert "against" not in report
        assert report["laboratories"]["honest"]["cells"] == cells
        (source,) = report["provenance"]["sources"]
        assert (source["name"], source["trained_on"], source["same_split"]) == ("honest", True, True)
    table = tmp_path / "cells.csv"
    words += ["--cells", str(table), "--against", str(model), "--json"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    against = json.loads(result.stdout[result.stdout.index("{") :])["against"]
    assert (against["difference"], against["p_value"], against["cells"]) == (0, 1, 8)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["image"] for row in rows}) == 8
    for row in rows:
        shares = {label: float(row[label]) for label in CLASSIFIER_LABELS}
        assert row["split"] == "test"
        assert row["answer"] == max(shares, key=shares.__getitem__)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_compare(app: typer.Typer, honest: Path, tmp_path: Path) -> None:
    words = ["train", "compare", "--data", str(honest.parent), "--out", str(tmp_path / "out")]
    words += ["--arch", "features+tree", "--arch", "features+knn", "--size", "64", "--json"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    rows = json.loads(result.stdout[result.stdout.index("{") :])["rows"]
    assert [row["cells"] for row in rows] == [16, 16]
    assert all(set(row["laboratories"]) == {"honest"} for row in rows)
