"""A whole evaluation as a person asks for it, of a tiny network on drawn cells."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("tensorflow")
pytest.importorskip("jinja2")
import keras
from training.drawn_blood import draw_data
from training.tiny_network import TINY

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.cli import evaluate
from hemato_training.data.cell_sets import load
from hemato_training.data.records import split_hash
from hemato_training.metrics.classification import figures_of
from hemato_training.networks.backbones import ARCHITECTURES, build_classifier
from hemato_training.report.diagrams import roc_points
from hemato_training.report.gallery import panels
from hemato_training.report.page import mixups


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory):
    """A model with an awkward name, its run.json, and data."""
    folder = tmp_path_factory.mktemp("judged")
    data = draw_data(folder / "data", train=2, val=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        keras.utils.set_random_seed(1)
        build_classifier("tiny", 64, 8, weights="none").save(folder / "a & <b>.keras")
    run = {
        "settings": {"without": "basophil"},
        "data": {
            "pbc": {"train": 16, "val": 16, "split_sha256": split_hash(load(data, ("pbc",)))},
            "bccd": {"train": 0, "val": 8, "split_sha256": "0" * 64},
        },
    }
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def ask(place, *words: str) -> str:
    app = typer.Typer(pretty_exceptions_enable=False)
    evaluate.register(app)
    fixed = [str(place / "a & <b>.keras"), "--data", str(place / "data"), "--cache", str(place / "cells")]
    result = CliRunner().invoke(app, [*fixed, *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


class Links(HTMLParser):
    """Collects what a page would load, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.loads += [v for k, v in attrs if k in ("src", "href", "srcset", "data") and v]
        assert tag not in ("script", "link", "iframe", "object", "b1")

    def handle_data(self, data) -> None:
        self.words.append(data)


def test_page_folder_and_document(place) -> None:
    out = place / "out"
    whole = json.loads(ask(place, "--out", str(out), "--json"))
    page = (out / "evaluation.html").read_text()
    links = Links()
    links.feed(page)
    assert len(links.loads) > 8
    assert all(link.startswith("data:image/") for link in links.loads)
    assert not re.search(r"url\(|@import|https?://", re.sub(r'"data:[^"]*"', "", page))
    words = " ".join(" ".join(links.words).split())
    for wanted in (RESEARCH_USE_NOTICE, "a & <b>.keras", "a laboratory new to it", "immature granulocyte"):
        assert wanted in words
    # the split of bccd is not the one in run.json, that of pbc is
    assert "BCCD: the split is not the one the model was trained on" in words
    assert "PBC, Hospital Clínic Barcelona: the split is not" not in words
    assert whole == json.loads((out / "evaluation.json").read_text())
    for name in ("overview", "pbc-confusion", "bccd-classes", "pbc-roc", "reliability", "risk-coverage", "strangers"):
        assert (out / f"{name}.png").stat().st_size > 5000
    assert (out / "sanity-gradcam.png").exists()
    assert list((out / "gallery").glob("pbc-01-*-called-*.png"))


def test_document_keeps_its_fields_and_adds(place) -> None:
    whole = json.loads(ask(place, "--json"))
    old = {"model", "split", "size", "temperature", "threshold", "labels", "looks", "laboratories", "overall"}
    assert old <= set(whole)
    assert whole["overall"]["cells"] == 24
    assert set(whole["details"]) == {"pbc", "bccd", "overall"}
    assert whole["outliers"] is None
    assert whole["explanation"] is None
    assert whole["explanations"] == {}
    assert len(whole["provenance"]["model_sha256"]) == 64
    assert [s["trained_on"] for s in whole["provenance"]["sources"]] == [True, False]
    # only 16 cells of the laboratory trained on: too few to halve
    assert whole["crossfit"] is None


def test_maps_by_occlusion_are_tested_like_any_other(place) -> None:
    whole = json.loads(ask(place, "--json", "--laboratory", "bccd", "--explain", "occlusion", "--explain", "gradcam"))
    assert list(whole["explanations"]) == ["occlusion", "gradcam"]
    assert whole["explanation"] == whole["explanations"]["occlusion"]
    for one in whole["explanations"].values():
        assert 0 <= one["curves"]["by_map"]["deletion"] <= 1
        assert one["sanity"]["stages"][-1]["correlation"] < 1
    assert whole["explanations"]["occlusion"]["sanity"]["images"] <= 8


def test_page_without_pictures_of_cells(place) -> None:
    ask(place, "--html", str(place / "bare.html"), "--no-gallery", "--no-outliers", "--laboratory", "bccd")
    page = (place / "bare.html").read_text()
    assert "image/jpeg" not in page
    assert "Its surest errors" not in page


def test_class_left_out_is_judged_apart(place) -> None:
    whole = json.loads(ask(place, "--left-out", "basophil", "--json"))
    assert whole["left_out"] == "basophil"
    assert whole["overall"]["per_class"]["basophil"]["support"] == 0
    kinds = {one["kind"]: one["cells"] for one in whole["outliers"]}
    assert kinds["left out: basophil"] == 2
    with pytest.raises(ModelError, match="trained on monocyte"):
        ask(place, "--left-out", "monocyte")


def test_unknown_class_left_out(place) -> None:
    app = typer.Typer()
    evaluate.register(app)
    assert CliRunner().invoke(app, ["m.keras", "--data", "d", "--left-out", "blast"]).exit_code == 2


def test_commonest_errors_first() -> None:
    n = len(CLASSIFIER_LABELS)
    truth, answers = np.array([0, 0, 0, 1, 2, 2]), np.array([1, 1, 0, 1, 0, 2])
    found = mixups(figures_of(np.eye(n, dtype=np.float32)[answers], truth))
    assert found == [(2, "neutrophil", "eosinophil"), (1, "basophil", "neutrophil")]


def test_roc_points_worked_by_hand() -> None:
    false, true = roc_points(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    assert false.tolist() == [0, 0, 0.5, 1]
    assert true.tolist() == [0, 0.5, 1, 1]


def test_picture_is_lit_where_the_map_is_high() -> None:
    crop = np.full((20, 20, 3), 200, np.uint8)
    one = np.zeros((4, 4), np.float32)
    one[:, 3] = 5
    picture = panels(crop, one, np.zeros((4, 4), np.float32), side=40)
    assert picture.shape == (40, 120, 3)
    assert np.all(picture[:, :40] == 200)
    assert picture[20, 78].mean() > 190
    assert picture[20, 45].mean() < 60
    assert picture[:, 80:].max() < 60  # nothing spoke for it
