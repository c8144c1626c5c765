"""Boxes into maps and back; views that keep boxes and picture together; what counts as doubtful."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
from keras import ops

from hemato_edge.labels import KINDS, PLATELET, RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.locate.peaks import find_peaks
from hemato_training.data.field_sets import Field
from hemato_training.data.formats.annotations import Boxes
from hemato_training.locate.material import doubtful_of, is_sound
from hemato_training.locate.targets import box_loss, encode, heat_loss, ignore
from hemato_training.locate.views import Drawn, draw_view

SIZE, RED = 288, 60.0
BOXES = np.array([[20, 30, 150, 160], [200, 40, 255, 105], [180, 200, 199, 217], [225, 60, 280, 120]], np.float32)
BOX_KINDS = np.array([WBC, RBC, PLATELET, RBC], np.intp)


def as_outputs(heat: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a network would put out that has learnt the targets by heart."""
    peaks = np.clip(heat[..., : len(KINDS)], 1e-4, 1 - 1e-4)
    return np.log(peaks / (1 - peaks)), boxes[..., : -len(KINDS)]


def test_targets_decode_to_the_boxes_they_came_from() -> None:
    found = find_peaks(*as_outputs(*encode(BOXES, BOX_KINDS, SIZE, RED)), RED, 0.99)
    assert len(found) == len(BOXES)
    for box, kind in zip(BOXES, BOX_KINDS, strict=True):
        mine = found.of_kind(int(kind)).boxes
        assert np.abs(mine - box).max(axis=1).min() < 0.1


def test_losses_vanish_for_the_right_answer_and_grow_with_the_error() -> None:
    heat, boxes = (m[None] for m in encode(BOXES, BOX_KINDS, SIZE, RED))
    logits, values = as_outputs(heat, boxes)
    assert float(box_loss(boxes, ops.convert_to_tensor(values))) < 1e-6
    right = float(heat_loss(heat, ops.convert_to_tensor(logits)))
    missed, made_up = logits.copy(), logits.copy()
    missed[0, :30, :40, WBC] = -9
    made_up[0, 60, 60, RBC] = 9
    assert float(heat_loss(heat, ops.convert_to_tensor(missed))) > right + 0.5
    assert float(heat_loss(heat, ops.convert_to_tensor(made_up))) > right + 0.5
    assert float(box_loss(boxes, ops.convert_to_tensor(values + np.float32(0.1)))) > 0.1


def test_what_is_doubtful_costs_nothing() -> None:
    heat, _ = encode(BOXES, BOX_KINDS, SIZE, RED)
    place = np.array([[220, 220, 260, 260]], np.float32)
    logits = as_outputs(heat, np.zeros((72, 72, 15), np.float32))[0][None]
    logits[0, 60, 60, RBC] = 9
    before = float(heat_loss(heat[None], ops.convert_to_tensor(logits)))
    ignore(heat, place, np.array([RBC]))
    after = float(heat_loss(heat[None], ops.convert_to_tensor(logits)))
    assert after < before - 0.5
    assert heat[..., len(KINDS) + WBC].min() == 1  # other kinds stay background there


@pytest.mark.parametrize("seed", range(12))
def test_a_views_boxes_lie_on_its_cells(seed: int) -> None:
    """A dark block with a known box must be inside the view's box after any turn, flip, zoom and shift."""
    picture = np.full((300, 400, 3), 240, np.uint8)
    picture[100:160, 150:250] = 30
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.intp)
    box = np.array([[150, 100, 250, 160]], np.float32)
    field = Drawn(picture, 0.8, box, np.array([WBC], np.intp), *nothing)
    view = draw_view(field, SIZE, np.random.default_rng(seed), strength=0.0)
    assert view.image.shape == (SIZE, SIZE, 3)
    dark = view.image[..., 1] < 135
    if not len(view.boxes):
        assert np.count_nonzero(dark) < 0.4 * 100 * 60 * 1.3
        return
    rows, columns = np.nonzero(dark)
    seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    assert np.abs(view.boxes[0] - seen).max() < 1.5


def test_views_follow_from_their_seed() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 255, (300, 300, 3), np.uint8)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.intp)
    field = Drawn(picture, 1.0, *none, *none)
    first, again, other = (draw_view(field, 96, np.random.default_rng(s), 0.6).image for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def field_with(boxes: Boxes, laboratory: str = "bccd") -> Field:
    return Field(Path("x.png"), "", laboratory, "g", "train", "x.png", boxes)


def test_what_nobody_drew_is_doubtful_only_where_it_may_be_a_cell() -> None:
    reds = np.array([[i * 60, 0, i * 60 + 50, 50] for i in range(5)], np.float32)
    field = field_with(Boxes(reds, np.full(5, RBC, np.intp)))
    found = Detections(
        np.array([[0, 0, 50, 50], [100, 200, 150, 250], [200, 200, 250, 250]], np.float32),
        np.array([RBC, RBC, RBC], np.int8),
        np.array([0.9, 0.9, 0.4], np.float32),
    )
    boxes, kinds = doubtful_of(field, found, (300, 400), is_network=True)
    assert boxes.tolist() == [[100, 200, 150, 250]]  # not the drawn one, not the unsure one
    assert kinds.tolist() == [RBC]
    assert len(doubtful_of(field, found, (300, 400), is_network=False)[0]) == 0


def test_a_field_without_drawn_red_cells_teaches_no_background_for_them() -> None:
    field = field_with(Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.intp)))
    assert not is_sound(field)
    boxes, kinds = doubtful_of(field, Detections.empty(), (SIZE, SIZE), is_network=False)
    heat, _ = encode(boxes[:0], kinds[:0], SIZE, RED)
    ignore(heat, boxes, kinds)
    assert heat[..., len(KINDS) + RBC].max() == 0
    assert heat[..., len(KINDS) + WBC].min() == 1


def test_platelets_that_were_mostly_not_drawn_are_doubtful_at_a_low_score() -> None:
    found = Detections(np.array([[5, 5, 25, 25]], np.float32), np.array([PLATELET], np.int8), np.float32([0.25]))
    drawn = Boxes(np.tile(np.float32([[50, 50, 90, 90]]), (5, 1)), np.full(5, RBC, np.intp))
    assert len(doubtful_of(field_with(drawn, "raabin_fields"), found, (99, 99), is_network=False)[0]) == 1
    assert len(doubtful_of(field_with(drawn), found, (99, 99), is_network=False)[0]) == 0
