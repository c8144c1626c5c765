"""The stain calibration: it finds background and nuclei, and brings two laboratories together."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.nuclei import measure_stain
from hemato_edge.vision.optics.stain import (
    OFFSET,
    REFERENCE_LEVEL,
    REFERENCE_NUCLEUS_OD,
    REFERENCE_RED_OD,
    StainCalibration,
    apply_stain,
    background_colour,
    level_counts,
    median,
    pool_stains,
    ranked_level,
)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return draw_field(2)[0]


def other_laboratory(image: np.ndarray, gain: tuple[float, float, float], power: float) -> np.ndarray:
    """The same slide with another lamp (gain a channel) and a stronger or weaker dye (power on transmittance)."""
    glass = background_colour(image)
    transmitted = np.clip(image / glass, 1e-3, 1) ** power
    return np.clip(transmitted * glass * np.array(gain), 0, 255).astype(np.uint8)


def test_background_is_the_empty_glass() -> None:
    picture = np.full((200, 300, 3), (200, 225, 250), np.uint8)
    picture[50:120, 50:200] = (150, 140, 190)  # red cells
    picture[70:100, 80:110] = (120, 40, 70)  # a nucleus
    assert background_colour(picture) == pytest.approx([200, 225, 250])


def test_black_padding_does_not_count() -> None:
    picture = np.zeros((120, 120, 3), np.uint8)
    picture[:, 60:] = (140, 240, 250)
    picture[40:80, 80:110] = (90, 40, 60)
    assert background_colour(picture) == pytest.approx([140, 240, 250])


def test_the_reference_changes_nothing_but_rounding() -> None:
    ramp = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    changed = apply_stain(ramp, StainCalibration.reference()).astype(int)
    assert np.abs(changed - ramp).max() <= 1


@pytest.mark.parametrize(("gain", "power"), [((0.7, 0.9, 1.0), 1.0), ((1.0, 0.95, 0.9), 0.7), ((0.6, 0.8, 0.9), 1.3)])
def test_two_laboratories_are_brought_together(field: np.ndarray, gain, power: float) -> None:
    there = other_laboratory(field, gain, power)
    here, foreign = measure_stain(FieldView(field)), measure_stain(FieldView(there))
    assert here is not None
    assert foreign is not None
    apart = np.abs(there.astype(float) - field).mean()
    together = np.abs(apply_stain(there, foreign).astype(float) - apply_stain(field, here)).mean()
    assert together < 0.35 * apart


def test_background_and_nucleus_come_to_reference_values(field: np.ndarray) -> None:
    there = other_laboratory(field, (0.7, 0.85, 0.95), 0.8)
    stain = measure_stain(FieldView(there))
    assert stain is not None
    again = measure_stain(FieldView(apply_stain(there, stain)))
    assert again is not None
    assert again.background == pytest.approx([REFERENCE_LEVEL - 8] * 3, abs=4)
    assert again.nucleus_od[1] == pytest.approx(REFERENCE_NUCLEUS_OD[1], rel=0.1)


def test_a_picture_without_a_nucleus_has_no_stain() -> None:
    noise = np.random.default_rng(1).normal(0, 2, (200, 200, 3))
    assert measure_stain(FieldView(np.clip(noise + 220, 0, 255).astype(np.uint8))) is None


def test_the_scale_of_a_channel_is_bounded() -> None:
    odd = StainCalibration((200, 200, 200), (-0.1, 0.01, 50.0))
    assert odd.ratios() == pytest.approx([1.4, 2.5, 0.5])
    assert odd.table().dtype == np.uint8


def test_pooling_takes_the_median_and_counts_the_looks() -> None:
    looks = [StainCalibration((200, 200, v), (0.4, 2.0, 1.0), 1) for v in (100, 200, 201)]
    pooled = pool_stains(looks)
    assert pooled is not None
    assert pooled.background == (200, 200, 200)
    assert pooled.looks == 3
    assert pool_stains([]) is None


def test_a_picture_of_one_tone_is_all_background() -> None:
    assert background_colour(np.full((60, 60, 3), 77, np.uint8)) == pytest.approx([77, 77, 77])


def colour_of(od: tuple[float, float, float], glass: tuple[float, float, float]) -> list[float]:
    return [float(v) for v in (np.array(glass) + OFFSET) * np.exp(-np.array(od)) - OFFSET]


CLIPPED = StainCalibration((230, 235, 240), (0.5, 3.3, 1.6), 9, (0.25, 0.3, 0.2))


def test_where_nuclei_are_clipped_red_cells_come_to_their_reference_too() -> None:
    red = np.full((4, 4, 3), np.rint(colour_of(CLIPPED.red_od, CLIPPED.background)), np.uint8)
    nucleus = np.full((4, 4, 3), np.rint(colour_of(CLIPPED.nucleus_od, CLIPPED.background)), np.uint8)
    wanted = colour_of(REFERENCE_RED_OD, (REFERENCE_LEVEL - OFFSET,) * 3)
    assert apply_stain(red, CLIPPED)[0, 0] == pytest.approx(wanted, abs=3)
    straight = apply_stain(red, CLIPPED, red_weight=0.0)[0, 0].astype(float)
    assert np.abs(straight - wanted).max() > 8
    dark = colour_of(REFERENCE_NUCLEUS_OD, (REFERENCE_LEVEL - OFFSET,) * 3)
    assert apply_stain(nucleus, CLIPPED)[0, 0] == pytest.approx(dark, abs=6)


def test_the_table_never_falls_and_the_weight_leads_from_one_form_to_the_other() -> None:
    for weight in (0.0, 0.3, 1.0):
        assert (np.diff(CLIPPED.table(weight)[0].astype(int), axis=0) >= 0).all()
    levels = np.linspace(0, 3, 20)[:, None].repeat(3, axis=1)
    straight, bent = CLIPPED.to_reference(levels, 0.0), CLIPPED.to_reference(levels, 1.0)
    assert CLIPPED.to_reference(levels, 0.25) == pytest.approx(0.75 * straight + 0.25 * bent)


@pytest.mark.parametrize(
    ("green", "red_od", "weight"),
    [(2.0, (0.2, 0.3, 0.2), 0.0), (3.3, (0.2, 0.3, 0.2), 1.0), (3.3, None, 0.0), (2.9, (0.2, 0.3, 0.2), 0.5)],
)
def test_red_cells_count_only_where_seen_and_nuclei_clipped(green: float, red_od, weight: float) -> None:
    assert StainCalibration((240, 240, 240), (0.4, green, 1.2), 1, red_od).red_weight == pytest.approx(weight)


def test_a_few_chance_finds_of_red_cells_do_not_count() -> None:
    plain = StainCalibration((200, 200, 200), (0.4, 2.0, 1.0), 1)
    seen = StainCalibration((200, 200, 200), (0.4, 2.0, 1.0), 1, (0.1, 0.2, 0.3))
    rare, usual = pool_stains([plain, plain, seen]), pool_stains([plain, seen, seen])
    assert rare is not None
    assert usual is not None
    assert (rare.red_od, usual.red_od) == (None, (0.1, 0.2, 0.3))


def test_the_glass_is_the_median_of_its_pixels() -> None:
    rng = np.random.default_rng(5)
    for height in (8, 9):  # an even and an odd number of pixels
        parts = [rng.integers(low, low + 16, (height, 9, 3), dtype=np.uint8) for low in (224, 128, 32)]
        picture = np.concatenate(parts, axis=1)
        bright = picture[picture[..., 1] >= 224]
        assert background_colour(picture).tolist() == np.median(bright, axis=0).tolist()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_counted_quantile_is_that_of_the_sorted_levels(share: float, size: int) -> None:
    levels = np.random.default_rng(size).integers(0, 256, (1, size)).astype(np.uint8)
    assert ranked_level(level_counts(levels), share) == pytest.approx(float(np.quantile(levels, share)))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axis"), [((1,), 0), ((8,), 0), ((9, 3), 0), ((4, 6, 3), 1), ((4, 3, 6), 2)])
def test_the_median_is_that_of_numpy(dtype: type, shape: tuple[int, ...], axis: int) -> None:
    values = (np.random.default_rng(4).random(shape) * 255).astype(dtype)
    assert np.array_equal(median(values, axis), np.median(values, axis=axis))
