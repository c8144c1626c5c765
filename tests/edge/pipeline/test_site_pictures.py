"""Kept pictures of cells answer as the cells did, and a site's head is fitted, used, refused and undone with them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import typer
from recorded import NOON, field_result, session_start
from typer.testing import CliRunner

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cli.microscope import site
from hemato_edge.errors import CalibrationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS, WBC
from hemato_edge.models.prototypes import Prototypes
from hemato_edge.pipeline.site_pictures import embed_folder, judge_portrait
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.values import Judgement, Portrait
from hemato_edge.vision.classify import classifier as classifier_module
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.classify.portraits import cut_portrait, encode_portrait
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.slide_appearance import AppearanceEstimator

if TYPE_CHECKING:
    from pathlib import Path

K = len(CLASSIFIER_LABELS)
MODEL = "ab" * 32
COLOURS = {"neutrophil": 60, "lymphocyte": 120, "monocyte": 175}
app = typer.Typer()
site.register(app)


def test_a_kept_picture_answers_as_the_cell_did() -> None:
    """Of the shipped model, on drawn fields: the same first answer and nearly the same confidence."""
    classifier, locator, looks = load_classifier(), OpenCvLocator(), AppearanceEstimator()
    same, apart = [], []
    for seed in (1, 2, 3):
        view = FieldView(draw_field(seed)[0])
        detections = locator.locate(view)
        looks.add_field(view, detections)
        look = looks.appearance()
        assert look is not None
        boxes = detections.of_kind(WBC).boxes
        record = SimpleNamespace(id=1, stain={"background": look.stain.background, "nucleus_od": look.stain.nucleus_od})
        for box, direct in zip(boxes, classifier.judge(view, boxes, look), strict=True):
            centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
            pixels = cut_portrait(view, centre, look.red_cell_px)
            assert pixels is not None
            portrait = encode_portrait(pixels)
            assert portrait is not None
            again = judge_portrait(portrait.jpeg, record, classifier)  # type: ignore[arg-type]
            same.append(again.best == direct.best)
            apart.append(abs(again.probabilities - direct.probabilities).max())
    assert len(same) >= 8
    assert np.mean(same) >= 0.9
    assert np.median(apart) < 0.05


CLASS_COLOURS = np.array([60, 200, 220, 120, 180, 30, 10, 240])


def embedded(levels: np.ndarray | float) -> np.ndarray:
    """(…, K) how near a level (…) is to the colour of each class."""
    return 10 * np.exp(-(((np.asarray(levels)[..., None] - CLASS_COLOURS) / 15) ** 2))


class ByColour:
    """Takes every monocyte for a lymphocyte; its embedding tells by the colour of the cell which one it is."""

    def __init__(self, sha256: str = MODEL, embeds: bool = True) -> None:
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(K), 20)
        own = embedded(CLASS_COLOURS[labels] + rng.normal(0, 3, len(labels)))
        self.prototypes = Prototypes(own.astype(np.float32), labels, np.full(len(labels), "home")) if embeds else None
        self.card = SimpleNamespace(rejection_threshold=0.5, name="by colour")
        self.model = SimpleNamespace(bundle=SimpleNamespace(sha256=sha256))

    def judge(self, view, boxes, look) -> list[Judgement]:
        found = []
        for x0, y0, x1, y1 in boxes:
            level = float(view.window[int((y0 + y1) / 2), int((x0 + x1) / 2)].mean())
            best = 0 if level < 90 else 3
            shares = np.full(K, 0.4 / (K - 1), np.float32)
            shares[best] = 0.6
            name = CLASSIFIER_LABELS[best]
            found.append(Judgement(name, name, 0.6, shares, None, embedded(level).astype(np.float32)))
        return found


def picture(label: str, rng: np.random.Generator) -> bytes:
    level = int(COLOURS[label] + rng.integers(-4, 5))
    image = np.full((192, 192, 3), 230, np.uint8)
    cv2.circle(image, (96, 96), 30, (level, level, level), -1)
    return cv2.imencode(".png", image)[1].tobytes()


def microscope(path: Path, truths: list[str], sessions: int = 3) -> None:
    """Sessions of a profile whose monocytes were called lymphocytes, every cell named by Ada."""
    rng = np.random.default_rng(1)
    with open_writer(path) as writer:
        for number in range(1, sessions + 1):
            settings = {"calibration": {"profile": "x100"}}
            session = writer.start_session(session_start(settings=settings, confusion=((1,) * K,) * K))
            labels = ["lymphocyte" if truth == "monocyte" else truth for truth in truths]
            result = field_result(0, labels)
            cells = zip(result.new_cells, truths, strict=True)
            kept = tuple(replace(cell, portrait=Portrait(picture(truth, rng), None)) for cell, truth in cells)
            writer.commit_field(session, replace(result, new_cells=kept), {"frames": 1})
            for cell, truth in enumerate(truths):
                writer.relabel(number, 0, cell, truth, "Ada", NOON)
            writer.end_session(session, "finished", NOON)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEMATO_EDGE_CALIBRATION__FOLDER", str(tmp_path / "profiles"))
    monkeypatch.setattr(classifier_module, "load_classifier", lambda **_: ByColour())
    return tmp_path / "records.db"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["site", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_head_is_fitted_kept_with_its_figures_and_undone(path: Path, tmp_path: Path) -> None:
    microscope(path, ["neutrophil"] * 10 + ["lymphocyte"] * 6 + ["monocyte"] * 6)
    before = json.loads(run("verify", "--profile", "x100", "--db", path, "--json"))
    found = json.loads(run("adapt", "--profile", "x100", "--db", path, "--json"))
    assert found["head"]["balanced_before"] == pytest.approx(2 / 3)
    assert found["head"]["balanced_after"] == pytest.approx(1)
    assert found["head"]["divided_by"] == "session"
    assert "weights" not in found["head"]
    assert found["line"].startswith("verified on 66 cells on ")
    assert "(cross-validated): right of answered 100.0 %" in found["line"]
    assert found["verification"]["head_sha256"] == found["head"]["sha256"]
    assert "learnt from 66 cells" in run("show", "--profile", "x100")
    run("remove", "--profile", "x100", "--head-only")
    after = json.loads(run("show", "--profile", "x100", "--json"))
    assert after["head"] is None
    assert after["line"] == before["line"]


def test_a_head_without_a_gain_is_refused(path: Path, tmp_path: Path) -> None:
    microscope(path, ["neutrophil"] * 10 + ["lymphocyte"] * 10)
    with pytest.raises(CalibrationError, match="is not used: its answers to cells .* are no better"):
        run("adapt", "--profile", "x100", "--db", path)
    assert not (tmp_path / "profiles" / "x100.json").exists()


def test_too_few_cells_and_models_without_an_embedding_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    microscope(path, ["neutrophil"] * 2 + ["monocyte"] * 2)
    with pytest.raises(CalibrationError, match="12 named cells with a picture, 25 are needed"):
        run("adapt", "--profile", "x100", "--db", path)
    monkeypatch.setattr(classifier_module, "load_classifier", lambda **_: ByColour(embeds=False))
    with pytest.raises(CalibrationError, match="carries no home cells"):
        run("adapt", "--profile", "x100", "--db", path)


def test_a_damaged_picture_is_told(path: Path) -> None:
    microscope(path, ["neutrophil"] * 4)
    with Reader(path) as reader, pytest.raises(DataError, match="is damaged"):
        judge_portrait(b"no picture", reader.session(1), ByColour())  # type: ignore[arg-type]


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError, match="no pictures in folders that are named after classes"):
        embed_folder(tmp_path, OpenCvLocator(), ByColour(), print)  # type: ignore[arg-type]
