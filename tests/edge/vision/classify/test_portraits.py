"""Pictures of cells: the cell in the middle, the same scale for every camera, never an error."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from recorded import field_result

from hemato_edge.values import CutPortrait
from hemato_edge.vision.classify.portraits import (
    PORTRAIT_PX,
    PORTRAIT_RED_CELLS,
    cut_portrait,
    developed,
    encode_portrait,
)
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


@pytest.mark.parametrize("red_cell_px", [20.0, 76.0, 77.0, 160.0])
def test_what_is_kept_of_a_frame_is_small_and_no_part_of_it(red_cell_px: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (900, 900, 3)).astype(np.uint8)
    view = FieldView(image, background=np.full(3, 220.0))
    cut = cut_portrait(view, (450, 450), red_cell_px)
    assert cut is not None
    assert cut.shape[0] <= 2 * PORTRAIT_PX
    assert not np.shares_memory(cut, image)


def test_portraits_are_made_when_a_result_is_stored() -> None:
    plain = field_result(0, ("monocyte", "lymphocyte"))
    cut = CutPortrait(field()[:190, :190], None)
    result = replace(plain, new_cells=(replace(plain.new_cells[0], cut=cut), plain.new_cells[1]))
    first, second = developed(result).new_cells
    assert first.portrait == encode_portrait(cut.pixels)
    assert first.cut is None
    assert second == plain.new_cells[1]
    assert developed(plain) is plain
