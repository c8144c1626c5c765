"""Whole fields from files: what of them is slide, and which get names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from obstructed import bars, eyepiece

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.labels import UNCLASSIFIED
from hemato_edge.pipeline.images import CellPicture, FieldPicture, analyze_pictures, classify_pictures
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.colours import CHANNELS_SWAPPED, NEGATIVE
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.quality import OUT_OF_FOCUS, QualityGate
from hemato_edge.vision.slide_appearance import ENOUGH_FOCUS


def analysed(folder: Path, picture: np.ndarray, **options: bool) -> FieldPicture:
    path = folder / "field.png"
    assert cv2.imwrite(str(path), picture)
    parts = QualityGate(), load_locator(), load_classifier()
    (found,) = analyze_pictures([path], *parts, failed=pytest.fail, **options)
    return found


def test_bars_shift_the_boxes_and_change_nothing_else(tmp_path: Path) -> None:
    field, _ = draw_field(2)
    plain, barred = analysed(tmp_path, field), analysed(tmp_path, bars((10, 0, 60, 20))(field, 0))
    assert np.allclose(barred.detections.boxes, np.add(plain.detections.boxes, (60, 10, 60, 10)))
    assert barred.detections.counts() == plain.detections.counts()
    assert [one.label for one in barred.judged.values()] == [one.label for one in plain.judged.values()]
    told = barred.as_json()["field_of_view"]
    assert told == {"slide_share": pytest.approx(640 * 480 / (720 * 490), abs=1e-3), "left_out": ["bars"]}
    assert plain.as_json()["field_of_view"] == {"slide_share": 1.0, "left_out": []}


def test_no_box_has_its_middle_in_the_dark(tmp_path: Path) -> None:
    found = analysed(tmp_path, eyepiece()(draw_field(2)[0], 0))
    assert len(found.detections)
    x, y = (found.detections.centres - (320, 240)).T
    assert np.hypot(x, y).max() < 0.47 * 480


def test_a_blurred_field_gets_names_only_where_asked(tmp_path: Path) -> None:
    blurred = cv2.GaussianBlur(draw_field(2, 6)[0], (0, 0), 7)
    silent = analysed(tmp_path, blurred)
    assert silent.quality.reject == OUT_OF_FOCUS
    assert not silent.judged
    assert len(analysed(tmp_path, blurred, name_blurred=True).judged) == silent.detections.counts()["wbc"] > 0


@pytest.mark.parametrize(("turn", "told"), [(lambda p: 255 - p, NEGATIVE), (lambda p: p[..., ::-1], CHANNELS_SWAPPED)])
def test_a_field_without_a_smears_colours_gets_no_names(
    tmp_path: Path, turn: Callable[[np.ndarray], np.ndarray], told: str
) -> None:
    found = analysed(tmp_path, turn(draw_field(2)[0]))
    assert found.quality.reject == told
    assert not found.judged


def cell(folder: Path, picture: np.ndarray, **options: bool) -> CellPicture:
    path = folder / "cell.png"
    assert cv2.imwrite(str(path), picture)
    (found,) = classify_pictures([path], OpenCvLocator(), load_classifier(), failed=pytest.fail, **options)
    return found


def test_a_blurred_cell_is_unclassified_unless_asked(tmp_path: Path) -> None:
    field, cells = draw_field(2)
    white = next(one for one in cells if one.kind == "wbc")
    x, y = (int(v) for v in (white.box[0] + white.box[2], white.box[1] + white.box[3]))
    x, y = min(max(x // 2, 100), 540), min(max(y // 2, 100), 380)
    sharp = field[y - 100 : y + 100, x - 100 : x + 100]
    assert cell(tmp_path, sharp).reject is None
    blurred = cv2.GaussianBlur(sharp, (0, 0), 9)
    silent = cell(tmp_path, blurred)
    assert silent.reject == OUT_OF_FOCUS
    assert silent.judgement.label == UNCLASSIFIED
    assert silent.as_json()["reject"] == OUT_OF_FOCUS
    named = cell(tmp_path, blurred, name_blurred=True)
    assert (named.reject, named.judgement.best) == (OUT_OF_FOCUS, silent.judgement.best)


def test_a_cell_in_a_barred_field_is_found_where_it_lies(tmp_path: Path) -> None:
    field, _ = draw_field(2)
    plain, barred = cell(tmp_path, field), cell(tmp_path, bars((0, 0, 60, 20))(field, 0))
    assert np.allclose(barred.box, plain.box + np.array([60, 0, 60, 0]))
    assert barred.judgement.label == plain.judgement.label


def less_sharp(picture: np.ndarray) -> np.ndarray:
    """Blurred so that it passes the gate's own limit by a little."""
    for sigma in np.arange(0.5, 5, 0.25):
        blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(sigma)), np.uint8)
        focus = QualityGate().assess(FieldView(blurred), colours=False).measures["focus"]
        if focus < 0.14:
            return blurred
    raise AssertionError


@pytest.mark.parametrize("each", [False, True])
def test_a_picture_far_less_sharp_than_the_others_gets_no_names(tmp_path: Path, each: bool) -> None:
    paths = [tmp_path / f"{i:02d}.png" for i in range(ENOUGH_FOCUS + 1)]
    for i, path in enumerate(paths):
        field, _ = draw_field(i)
        assert cv2.imwrite(str(path), less_sharp(field) if i == ENOUGH_FOCUS else field)
    parts = QualityGate(min_focus=0.08), load_locator(), load_classifier()
    found = list(analyze_pictures(paths, *parts, failed=pytest.fail, each=each))
    assert [one.quality.reject for one in found[:-1]] == [None] * ENOUGH_FOCUS
    assert (found[-1].quality.reject == OUT_OF_FOCUS) is not each
    assert bool(found[-1].judged) is each or not (found[-1].detections.kinds == 0).any()
