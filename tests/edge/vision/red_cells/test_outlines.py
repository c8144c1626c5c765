"""Diameters of red cells that stand free: drawn discs of known size."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.aperture import Aperture
from hemato_edge.cameras.demo.slide import UM_PER_PX, draw_field
from hemato_edge.labels import RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.red_cells.outlines import look_at_red_cells

GLASS, CELL, PALLOR = (235, 230, 225), (150, 140, 205), (215, 205, 225)


def drawn(discs: list[tuple[float, float, float]], kind: int = RBC) -> tuple[np.ndarray, Detections]:
    """Discs of (x, y, diameter) with central pallor, as a picture and as what is found in it.

    OpenCV draws smooth discs a pixel too wide, so each pixel has the share of 64 points within the disc.
    """
    picture = np.full((300, 400, 3), GLASS, np.float64)
    ys, xs = np.mgrid[0:2400, 0:3200] / 8 - 7 / 16
    for x, y, diameter in discs:
        for share, colour in ((1.0, CELL), (0.4, PALLOR)):
            inside = np.hypot(xs - x, ys - y) <= share * diameter / 2
            covered = inside.reshape(300, 8, 400, 8).mean(axis=(1, 3))[..., None]
            picture = picture * (1 - covered) + covered * colour
    picture = picture.round().astype(np.uint8)
    boxes = np.array([(x - d / 2, y - d / 2, x + d / 2, y + d / 2) for x, y, d in discs], np.float32)
    return picture, Detections(boxes, np.full(len(discs), kind, np.int8), np.ones(len(discs), np.float32))


@pytest.mark.parametrize("diameter", [12.0, 33.0, 70.5])
def test_the_diameter_is_that_of_the_disc(diameter: float) -> None:
    picture, found = drawn([(100, 150, diameter), (290, 150, diameter)])
    measured = look_at_red_cells(FieldView(picture), found)
    assert measured.diameters_px.tolist() == pytest.approx([diameter] * 2, abs=1.0)


def test_what_is_no_single_whole_red_cell_is_not_measured() -> None:
    alone = (60.0, 60.0, 40.0)
    for others in ([(200.0, 200.0, 40.0), (232.0, 200.0, 40.0)], [(395.0, 150.0, 40.0)], [(200.0, 290.0, 40.0)]):
        picture, found = drawn([alone, *others])
        assert len(look_at_red_cells(FieldView(picture), found)) == 1
    picture, found = drawn([alone], WBC)
    assert len(look_at_red_cells(FieldView(picture), found)) == 0
    assert len(look_at_red_cells(FieldView(np.full((300, 400, 3), GLASS, np.uint8)), found)) == 0


def test_a_cell_that_the_rim_cuts_is_not_measured() -> None:
    picture, found = drawn([(60.0, 60.0, 40.0), (200.0, 150.0, 40.0)])
    hidden = np.zeros((300, 400), np.bool_)
    hidden[:, 205:] = True
    picture[hidden] = 0
    aperture = Aperture((400, 300), (0, 0, 400, 300), hidden)
    assert len(look_at_red_cells(FieldView(picture, aperture), found)) == 1


def test_drawn_blood_has_the_spread_that_it_was_drawn_with() -> None:
    """Mean 7.2 µm and 6 % spread before the cells are stretched; all boxes are known here."""
    measured = []
    for seed in range(12):
        image, objects = draw_field(seed)
        kinds = np.array([RBC if one.label == "red_cell" else WBC for one in objects], np.int8)
        boxes = np.array([one.box for one in objects], np.float32)
        found = Detections(boxes, kinds, np.ones(len(boxes), np.float32))
        measured += look_at_red_cells(FieldView(image), found).diameters_px.tolist()
    assert len(measured) > 60
    assert np.mean(measured) * UM_PER_PX == pytest.approx(7.2, rel=0.05)
    assert np.std(measured) / np.mean(measured) == pytest.approx(0.06, abs=0.015)
