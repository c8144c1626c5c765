"""Pictures of cells: the cell in the middle, the same scale for every camera, never an error."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.classify.portraits import PORTRAIT_PX, PORTRAIT_RED_CELLS, cut_portrait, encode_portrait
from hemato_edge.vision.field_view import FieldView


def field() -> np.ndarray:
    image = np.full((400, 500, 3), 220, np.uint8)
    cv2.circle(image, (300, 200), 40, (120, 20, 80), -1)
    return image


@pytest.mark.parametrize("red_cell_px", [20.0, 80.0])
def test_a_red_cell_has_the_same_size_in_every_portrait(red_cell_px: float) -> None:
    image = np.full((800, 800, 3), 220, np.uint8)
    cv2.circle(image, (400, 400), round(red_cell_px / 2), (120, 20, 80), -1)
    cut = cut_portrait(FieldView(image), (400, 400), red_cell_px)
    assert cut is not None
    made = encode_portrait(cut)
    assert made is not None
    picture = cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (PORTRAIT_PX, PORTRAIT_PX, 3)
    dark = np.count_nonzero(picture[PORTRAIT_PX // 2, :, 1] < 120)
    assert dark == pytest.approx(PORTRAIT_PX / PORTRAIT_RED_CELLS, abs=3)


def test_only_what_speaks_for_the_label_is_kept() -> None:
    cut = cut_portrait(FieldView(field()), (300, 200), 40)
    assert cut is not None
    made = encode_portrait(cut, np.array([[-3, 0], [1, 2]], np.float32))
    assert made is not None
    assert made.activation is not None
    assert made.activation.tolist() == [[0, 0], [128, 255]]


def test_a_cell_at_the_border_has_a_portrait_too() -> None:
    assert cut_portrait(FieldView(field()), (0, 0), 40) is not None


def test_what_cannot_be_cut_has_none() -> None:
    assert cut_portrait(FieldView(field()), (10, 10), 0.0) is None
