"""The red cells' colour: from those that stand free, if they are several."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.red_cells import measure_red_cells
from hemato_edge.vision.optics.stain import OFFSET


def colour_of(od: tuple[float, float, float], glass: tuple[float, float, float]) -> list[float]:
    return [float(v) for v in (np.array(glass) + OFFSET) * np.exp(-np.array(od)) - OFFSET]


def test_red_cells_are_measured_where_they_stand_free() -> None:
    glass, od = (210.0, 225.0, 240.0), (0.2, 0.4, 0.25)
    picture = np.full((100, 300, 3), glass, np.uint8)
    boxes = np.array([(10 + 60 * i, 30, 50 + 60 * i, 70) for i in range(4)], np.float32)
    for x0, y0, x1, y1 in boxes.astype(int):
        cv2.circle(picture, ((x0 + x1) // 2, (y0 + y1) // 2), 20, colour_of(od, glass), -1)
    view = FieldView(picture)
    found = measure_red_cells(view, boxes)
    assert found == pytest.approx(od, abs=0.03)
    white = np.array([(0, 0, 115, 100)], np.float32)  # touches two of the four
    assert measure_red_cells(view, boxes, white) is None
    assert measure_red_cells(view, boxes[:2]) is None


def test_a_red_cell_s_rim_is_not_its_colour() -> None:
    """A darker rim, as many lenses draw it: most of the box is rim, most of its inner part is not."""
    glass, od, rim = (210.0, 225.0, 240.0), (0.2, 0.4, 0.25), (1.0, 1.2, 1.1)
    picture = np.full((120, 400, 3), glass, np.uint8)
    boxes = np.array([(10 + 95 * i, 20, 90 + 95 * i, 100) for i in range(4)], np.float32)
    for x0, y0, x1, y1 in boxes.astype(int):
        middle = (x0 + x1) // 2, (y0 + y1) // 2
        cv2.circle(picture, middle, 40, colour_of(rim, glass), -1)
        cv2.circle(picture, middle, 25, colour_of(od, glass), -1)
    assert measure_red_cells(FieldView(picture), boxes) == pytest.approx(od, abs=0.03)
