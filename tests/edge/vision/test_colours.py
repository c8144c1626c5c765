"""A negative, and exchanged channels, are told for what they are; the colours of a smear pass."""

from __future__ import annotations

import numpy as np
import pytest
from obstructed import logo, through_jpeg

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.vision.colours import CHANNELS_SWAPPED, NEGATIVE, colour_fault
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.quality import TOO_DARK, QualityGate


@pytest.mark.parametrize("seed", [2, 3, 40])
def test_what_a_field_looks_like(seed: int) -> None:
    field = draw_field(seed)[0]
    assert colour_fault(FieldView(field)) is None
    assert colour_fault(FieldView(np.ascontiguousarray(field[..., ::-1]))) == CHANNELS_SWAPPED
    assert colour_fault(FieldView(255 - field)) == NEGATIVE


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1)])
def test_channels_in_any_other_order_are_told(order: tuple[int, int, int]) -> None:
    for seed in (2, 3, 40):
        assert colour_fault(FieldView(np.ascontiguousarray(draw_field(seed)[0][..., order]))) == CHANNELS_SWAPPED


@pytest.mark.parametrize("colour", [(180, 90, 20), (60, 160, 60), (20, 90, 180)])
@pytest.mark.parametrize("quality", [None, 50])
def test_a_logo_of_any_colour_exchanges_no_channels(colour: tuple[int, int, int], quality: int | None) -> None:
    """It may be the densest thing in the picture: without its box every frame of a session was rejected."""
    for seed in (2, 3, 40):
        field = logo(colour)(draw_field(seed)[0], 0)
        field = field if quality is None else through_jpeg(quality)(field, 0)
        assert colour_fault(FieldView(field)) is None
        swapped = logo(colour)(np.ascontiguousarray(draw_field(seed)[0][..., ::-1]), 0)
        assert colour_fault(FieldView(swapped)) == CHANNELS_SWAPPED


def test_empty_glass_has_no_fault_whatever_its_light() -> None:
    noise = np.random.default_rng(1).normal(0, 2, (480, 640, 3))
    for level in (60, 120, 220):
        assert colour_fault(FieldView(np.clip(noise + level, 0, 255).astype(np.uint8))) is None


def test_a_gate_may_be_told_to_take_any_colours() -> None:
    swapped = FieldView(np.ascontiguousarray(draw_field(2)[0][..., ::-1]))
    assert QualityGate().assess(swapped).reject == CHANNELS_SWAPPED
    assert QualityGate(check_colours=False).assess(swapped).reject is None
    assert QualityGate().assess(FieldView(draw_field(2)[0] // 8)).reject == TOO_DARK
