"""What of one picture is slide, of rigs as strangers have them; and what is all slide."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from obstructed import VARIATIONS, Obstruction, bars, disc, eyepiece, graded, reticle, stripe, vignette

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.vision.optics.bars import BARS, STRIPE
from hemato_edge.vision.optics.field_of_view import UNTOLD_DARK, find_aperture
from hemato_edge.vision.optics.glance import is_suspicious, still_holds
from hemato_edge.vision.optics.round_field import ROUND

FIELD = draw_field(2)[0]


@pytest.mark.parametrize(
    ("sides", "obstruct"),
    [
        ((0, 0, 20, 20), bars((0, 0, 20, 20))),
        ((0, 0, 107, 107), bars((0, 0, 107, 107))),
        ((5, 0, 0, 0), bars((5, 0, 0, 0))),
        ((11, 33, 47, 0), bars((11, 33, 47, 0))),
        ((0, 0, 60, 60), bars((0, 0, 60, 60), (128, 128, 128))),
        ((40, 40, 0, 0), bars((40, 40, 0, 0), (20, 20, 20), noise=12)),
        ((30, 30, 0, 0), bars((30, 30, 0, 0), (255, 255, 255))),
        ((0, 0, 37, 37), bars((0, 0, 37, 37), (0, 135, 0))),
    ],
)
def test_bars_are_found_to_the_pixel(sides: tuple[int, int, int, int], obstruct: Obstruction) -> None:
    found = find_aperture(obstruct(FIELD, 0)).aperture
    top, _, left, _ = sides
    height, width = FIELD.shape[:2]
    assert found.kinds == (BARS,)
    assert found.rectangle == (left, top, left + width, top + height)
    assert is_suspicious(obstruct(FIELD, 0))


@pytest.mark.parametrize("levels", [(0, 70), (20, 120), (200, 10)])
@pytest.mark.parametrize("sides", [(60, 0), (0, 50), (0, 12)])
def test_a_bar_whose_brightness_changes_is_found(sides: tuple[int, int], levels: tuple[int, int]) -> None:
    below, beside = sides
    image = graded(below, beside, levels)(FIELD, 0)
    assert is_suspicious(image)
    x0, y0, x1, y1 = find_aperture(image).aperture.rectangle
    assert (x0, y0) == (beside, 0)
    assert abs(x1 - beside - 640) <= 1
    assert abs(y1 - 480) <= 1


def test_bars_that_ring_cost_a_few_pixels_at_most() -> None:
    found = find_aperture(bars((0, 0, 53, 53), quality=30)(FIELD, 0)).aperture
    assert 53 <= found.rectangle[0] <= 60
    assert 686 <= found.rectangle[2] <= 693


@pytest.mark.parametrize(
    ("middle", "radius", "obstruct"),
    [
        ((0.5, 0.5), 0.47, eyepiece()),
        ((0.5, 0.5), 0.58, eyepiece(radius=0.58)),
        ((0.42, 0.55), 0.5, eyepiece((0.42, 0.55), 0.5)),
        ((0.5, 0.5), 0.36, eyepiece(radius=0.36, soft=0.0, colour=(0, 0, 0))),
        ((0.5, 0.5), 0.47, eyepiece(colour=(255, 255, 255), soft=1.0)),
        ((0.5, 0.5), 0.47, eyepiece(colour=(0, 160, 0), soft=1.0)),
    ],
)
def test_a_round_field_is_found(middle: tuple[float, float], radius: float, obstruct: Obstruction) -> None:
    found = find_aperture(obstruct(FIELD, 0)).aperture
    assert ROUND in found.kinds
    truth = disc(FIELD.shape, middle, radius)
    shown = np.zeros(truth.shape, bool)
    x0, y0, x1, y1 = found.rectangle
    shown[y0:y1, x0:x1] = True if found.hidden is None else ~found.hidden
    assert np.count_nonzero(shown & truth) > 0.93 * np.count_nonzero(truth)
    assert np.count_nonzero(shown & ~truth) < 0.01 * np.count_nonzero(truth)
    assert still_holds(found, obstruct(draw_field(3)[0], 1))
    assert not still_holds(found, FIELD)


def test_a_stripe_and_a_reticle_are_found() -> None:
    wide = find_aperture(stripe(150, 32, (0, 255, 0))(FIELD, 0)).aperture
    assert wide.kinds == (STRIPE,)
    assert wide.hidden is not None
    assert wide.hidden[150:182].all()
    assert not wide.hidden[:140].any()
    thin = find_aperture(reticle()(FIELD, 0)).aperture
    assert thin.hidden is None, "a thin line is bridged"
    assert thin.bridged is not None
    assert thin.bridged[240].all()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_plain_field_is_all_slide(seed: int) -> None:
    for obstruct in (vignette(0.0), vignette(0.5), vignette(0.75)):
        assert find_aperture(obstruct(draw_field(seed)[0], 0)).aperture.is_whole


def test_a_nucleus_at_the_border_is_slide() -> None:
    field = FIELD.copy()
    for at in ((0, 100), (300, 0), (639, 479)):
        cv2.circle(field, at, 60, (70, 25, 60), -1)
    assert find_aperture(field).aperture.is_whole


def test_empty_glass_and_one_tone_are_slide() -> None:
    noise = np.random.default_rng(1).normal(0, 3, (480, 640, 3))
    glass = np.clip(np.add(noise, (200, 215, 225)), 0, 255).astype(np.uint8)
    assert find_aperture(glass).aperture.is_whole


def test_the_dark_tells_nothing() -> None:
    seen = find_aperture(np.full((480, 640, 3), 6, np.uint8))
    assert seen.aperture.is_whole
    assert seen.untold == UNTOLD_DARK


def test_a_small_picture_is_not_searched() -> None:
    assert find_aperture(np.pad(FIELD[:100, :100], ((20, 20), (20, 20), (0, 0)))).aperture.is_whole


def test_text_across_a_bar_hides_no_bar() -> None:
    found = find_aperture(VARIATIONS["bars and a clock"].obstruct(FIELD, 0)).aperture
    assert found.rectangle == (40, 0, 680, 480)


def test_one_dark_or_strange_corner_is_not_worth_a_closer_look() -> None:
    field = FIELD.copy()
    field[:14, :14] = 5
    field[-14:, :14] = (150, 110, 200)
    assert not is_suspicious(field)
    field[:14, -14:] = 5
    assert is_suspicious(field)


def test_red_cells_in_a_row_at_a_round_rim_are_no_stripe() -> None:
    field = FIELD.copy()
    cv2.rectangle(field, (110, 0), (420, 20), (150, 140, 190), -1)
    field[8:20, 110:420] += np.linspace(0, 14, 12).astype(np.uint8)[:, None, None]
    found = find_aperture(eyepiece((0.35, 0.6), 0.62, soft=3.0)(field, 0)).aperture
    assert found.kinds == (ROUND,)
    striped = eyepiece((0.35, 0.6), 0.62, soft=3.0)(stripe(200, 8, (0, 200, 0))(FIELD, 0), 0)
    assert find_aperture(striped).aperture.kinds == (ROUND, STRIPE)


@pytest.mark.parametrize(
    "name",
    [
        "round very soft",
        "round fringed",
        "round with a flare",
        "ellipse turned",
        "picture turned 5",
        "picture turned 12, brown around",
        "bar with text",
        "bar white with text",
    ],
)
@pytest.mark.parametrize("seed", [2, 9])
def test_fields_of_any_outline_are_found(name: str, seed: int) -> None:
    field, variation = draw_field(seed)[0], VARIATIONS[name]
    picture = variation.obstruct(field, 7)
    truth, shown = np.zeros(picture.shape[:2], bool), np.zeros(picture.shape[:2], bool)
    truth[: len(field), : field.shape[1]] = variation.shown(field.shape)
    found = find_aperture(picture).aperture
    x0, y0, x1, y1 = found.rectangle
    shown[y0:y1, x0:x1] = True if found.hidden is None else ~found.hidden
    assert is_suspicious(picture)
    assert np.count_nonzero(shown & truth) > 0.985 * np.count_nonzero(truth)
    assert np.count_nonzero(shown & ~truth) < 0.015 * np.count_nonzero(truth)
