"""Fitting and judging the head for red-cell shapes, on numbers of which the truth is known."""

from __future__ import annotations

import numpy as np

from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.models.card import DataSource, Golden
from hemato_edge.models.shape_head import ShapeCard
from hemato_training.red_cells.fit import fit_head
from hemato_training.red_cells.judged import HeldOut, named_so, over_chosen_slides, over_fields, over_slides
from hemato_training.red_cells.material import Cells

RNG = np.random.default_rng(3)
FEATURES = 6


def card() -> ShapeCard:
    return ShapeCard(
        name="shapes",
        task="red_cell_shapes",
        architecture="linear",
        labels=SHAPES,
        features=tuple(f"f{i}" for i in range(FEATURES)),
        threshold=0.6,
        shapes={},
        training=(DataSource(name="A", licence="MIT", split_sha256="0" * 64, train=9, val=0),),
        training_arguments={},
        golden=Golden(count=4, tolerance=0.001),
        versions={},
        created="2026-01-01T00:00:00Z",  # type: ignore[arg-type]
        licence="MIT",
        attribution="A",
    )


def cells(shapes: list[int], slides: int = 4, apart: float = 4.0) -> Cells:
    """Cells whose shape is told by one number, the same on all slides."""
    truth = np.repeat(np.array(shapes, np.intp), 60)
    features = RNG.normal(size=(len(truth), FEATURES)).astype(np.float32)
    features[np.arange(len(truth)), truth % FEATURES] += apart
    field = np.arange(len(truth)) % 20
    return Cells(features, truth, field, field % slides, np.zeros(len(truth), np.intp))


def none() -> Cells:
    return cells([]).select(np.zeros(0, np.bool_))


def test_eight_bits_tell_shapes_that_can_be_told() -> None:
    held = over_fields(cells([0, 1, 4]), none(), card(), seeds=2)
    assert len(held.truth) == 2 * 180
    assert held.right.value is not None
    assert held.right.value > 95
    assert held.recall(1).value is not None
    assert held.recall(2).value is None  # there is none


def test_a_shape_that_looks_otherwise_on_each_slide_is_told_by_field_and_not_by_slide() -> None:
    own = cells([0, 1], slides=4)
    features = own.features.copy()
    oval = own.shapes == 1
    features[oval, 1] -= 4.0
    features[np.flatnonzero(oval), own.slides[oval] + 2] += 6.0
    own = Cells(features, own.shapes, own.fields, own.slides, own.copies)
    by_field, by_slide = over_fields(own, none(), card(), 1).recall(1), over_slides(own, none(), card()).recall(1)
    assert by_field.value is not None
    assert by_slide.value is not None
    assert by_field.value > 80
    assert by_slide.value < by_field.value - 20


def test_only_plain_copies_are_judged() -> None:
    own = cells([0, 1])
    copied = Cells(own.features, own.shapes, own.fields, own.slides, np.arange(len(own)) % 2)
    head = fit_head(copied, card())
    assert len(over_slides(copied, none(), card()).truth) == len(own) // 2
    named, shares = named_so(head, copied)
    assert 80 < named <= 100
    assert sum(rate.value or 0 for rate in shares.values()) == 100


def test_the_choice_for_a_slide_does_not_see_the_slide() -> None:
    own, asked = cells([0, 1, 4], slides=4), []

    def told(others: Cells, answers: HeldOut) -> list[int]:
        asked.append(set(others.slides.tolist()))
        assert len(answers.truth) == len(others.shapes)
        return [1] if 0 in asked[-1] else []

    nested, chosen = over_chosen_slides(own, none(), card(), told)
    assert asked == [{0, 1, 2, 3} - {slide} for slide in range(4)]
    assert chosen == {1: 3}
    assert set(nested.answer.tolist()) == {-1, 1}
    plain = over_slides(own, none(), card())
    without = np.flatnonzero(np.isin(nested.fields % 4, [1, 2, 3]))
    assert np.array_equal(nested.answer[without] == 1, plain.answer[without] == 1)
    assert not (nested.answer[nested.fields % 4 == 0] >= 0).any()
