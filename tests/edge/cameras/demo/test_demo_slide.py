"""The drawn slide: the same for the same seed, and its truth is what can be seen on it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hemato_edge.cameras.demo.slide import UM_PER_PX, DrawnSlide, draw_field
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS, LEUKOCYTES

EVERY_NUCLEATED = (*LEUKOCYTES, "erythroblast")


def darkness_against(slide: DrawnSlide, crop: np.ndarray) -> np.ndarray:
    """Optical density of the crop's green channel, against the empty glass of its slide."""
    glass = np.percentile(slide.view(0, 0)[..., 1], 95)
    return -np.log10(np.maximum(crop[..., 1].astype(np.float32), 1) / glass)


@pytest.fixture(scope="module")
def slide() -> DrawnSlide:
    return DrawnSlide(1)


def test_the_same_seed_gives_the_same_slide_and_another_seed_another() -> None:
    first, again, other = (DrawnSlide(seed) for seed in (1, 1, 2))
    assert first.truth == again.truth
    assert first.truth != other.truth
    np.testing.assert_array_equal(first.view(1000.25, 700.5), again.view(1000.25, 700.5))
    assert not np.array_equal(first.view(1000, 700), other.view(1000, 700))


def test_a_view_does_not_depend_on_what_was_looked_at_before(slide: DrawnSlide) -> None:
    fresh = DrawnSlide(1)
    fresh.view(3000, 2000)
    fresh.view(100, 0)
    np.testing.assert_array_equal(fresh.view(1234.5, 567.25), slide.view(1234.5, 567.25))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_class_is_on_every_slide_in_plausible_shares(seed: int) -> None:
    truth = DrawnSlide(seed).truth
    labels = Counter(one.label for one in truth)
    kinds = Counter(one.kind for one in truth)
    assert set(CLASSIFIER_LABELS) <= set(labels)
    assert set(kinds) == set(KINDS)
    assert 130 <= kinds["wbc"] <= 160
    assert 0.5 <= labels["neutrophil"] / kinds["wbc"] <= 0.6
    assert 0.2 <= labels["lymphocyte"] / kinds["wbc"] <= 0.25
    assert 0.04 <= kinds["platelet"] / kinds["rbc"] <= 0.09


def test_a_field_holds_a_monolayer_of_red_cells(slide: DrawnSlide) -> None:
    width, height = slide.size_px
    reds = [one for one in slide.truth if one.kind == "rbc"]
    per_field = len(reds) / (width * height) * 640 * 480
    diameters_um = [UM_PER_PX * (one.box[2] - one.box[0] + one.box[3] - one.box[1]) / 2 for one in reds]
    assert 25 <= per_field <= 45
    assert 6.9 < np.median(diameters_um) < 7.6


def test_white_cells_do_not_lie_on_each_other(slide: DrawnSlide) -> None:
    whites = [one for one in slide.truth if one.kind == "wbc"]
    for number, one in enumerate(whites):
        for other in whites[number + 1 :]:
            reach = min(one.box[2] - one.box[0], one.box[3] - one.box[1], other.box[2] - other.box[0])
            assert np.hypot(one.x_px - other.x_px, one.y_px - other.y_px) > 0.9 * reach


def test_every_white_cell_is_drawn_where_the_truth_says(slide: DrawnSlide) -> None:
    for one in slide.truth:
        if one.kind != "wbc":
            continue
        x0, y0, x1, y1 = (round(side) for side in one.box)
        dark = darkness_against(slide, slide.view(x0, y0, (x1 - x0, y1 - y0))) > 0.55
        ys, xs = np.nonzero(dark)
        assert dark.mean() > 0.15, one
        assert abs(xs.mean() - (x1 - x0) / 2) < 0.25 * (x1 - x0), one
        assert abs(ys.mean() - (y1 - y0) / 2) < 0.25 * (y1 - y0), one


def test_red_cells_and_platelets_are_drawn_where_the_truth_says(slide: DrawnSlide) -> None:
    for one in slide.truth:
        x0, y0, x1, y1 = (round(side) for side in one.box)
        whole = x0 >= 0 and y0 >= 0 and x1 <= slide.size_px[0] and y1 <= slide.size_px[1]
        if one.kind == "wbc" or not whole or x0 > 1500 or y0 > 1500:
            continue
        density = darkness_against(slide, slide.view(x0, y0, (x1 - x0, y1 - y0)))
        assert np.percentile(density, 50) > 0.04, one
        if one.kind == "platelet":
            assert np.percentile(density, 80) > 0.25, one


def test_a_window_beside_the_slide_is_refused(slide: DrawnSlide) -> None:
    with pytest.raises(ValueError, match="not on a slide"):
        slide.view(slide.size_px[0] - 639, 0)
    assert slide.view(slide.size_px[0] - 640, slide.size_px[1] - 480).shape == (480, 640, 3)


def test_a_field_shows_the_cells_that_were_asked_for() -> None:
    image, truth = draw_field(3, EVERY_NUCLEATED)
    again = DrawnSlide(3, image.shape[1::-1], EVERY_NUCLEATED).view(0, 0)
    drawn = {one.label for one in truth if one.kind == "wbc"}
    assert image.shape == (480, 640, 3)
    assert image.dtype == np.uint8
    assert len(drawn) >= 5
    np.testing.assert_array_equal(image, again)


def test_an_eosinophil_is_redder_than_a_basophil() -> None:
    def redness(label: str) -> float:
        image, truth = draw_field(5, (label,))
        (cell,) = (one for one in truth if one.kind == "wbc")
        x0, y0, x1, y1 = (round(side) for side in cell.box)
        crop = image[y0:y1, x0:x1].astype(float)
        return float((crop[..., 2] - crop[..., 0]).mean())

    assert redness("eosinophil") > redness("basophil") + 20
