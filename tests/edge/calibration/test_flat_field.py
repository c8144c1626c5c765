"""A flat field on a drawn slide under a light of which the course is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.calibration.flat_field import FlatField, expand, measure_flat_field
from hemato_edge.calibration.scale import RED_CELLS, contradiction, scale_from_red_cells
from hemato_edge.cameras.demo.slide import UM_PER_PX, DrawnSlide
from hemato_edge.errors import CalibrationError
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator

SIZE = (640, 480)
SLIDE = DrawnSlide(5)


def light(depth: float) -> np.ndarray:
    """(H, W, 3) float32: brightest left of the middle, darker to the corners, in red a little less."""
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE[0]) + 0.15, np.linspace(-1, 1, SIZE[1]))
    fall = depth * (x**2 + y**2) / 2
    return np.stack([1 - fall, 1 - fall, 1 - 0.8 * fall], axis=2).astype(np.float32)


def frames(depth: float, number: int = 10) -> list[np.ndarray]:
    places = np.random.default_rng(2).uniform((0, 0), (3300, 2100), (number, 2))
    views = [SLIDE.view(float(x), float(y), SIZE) for x, y in places]
    return [cv2.multiply(view, light(depth), dtype=cv2.CV_8U) for view in views]


def test_the_course_of_the_light_is_found_among_the_cells() -> None:
    seen = frames(0.4, 6)
    measured = measure_flat_field(seen)
    product = expand(measured.gain, SIZE) * light(0.4)
    assert np.ptp(product, axis=(0, 1)).max() / product.mean() < 0.06
    assert measured.falloff == pytest.approx(1 - light(0.4)[..., 1].min() / light(0.4)[..., 1].max(), abs=0.03)
    before, after = seen[0], FlatField(measured.gain, SIZE).apply(seen[0])
    assert after.dtype == np.uint8
    assert (after == 255).mean() <= (before == 255).mean() + 0.002
    assert not np.shares_memory(before, after)


def test_cells_are_found_again_under_uneven_light() -> None:
    def counts(images: list[np.ndarray]) -> np.ndarray:
        found = [locator.locate(FieldView(image)).counts() for image in images]
        return np.array([sum(one[kind] for one in found) for kind in ("wbc", "rbc")])

    locator = OpenCvLocator()
    vignetted = frames(0.55, 6)
    flat = FlatField(measure_flat_field(vignetted).gain, SIZE)
    even, dark, mended = (counts(i) for i in (frames(0.0, 6), vignetted, [flat.apply(i) for i in vignetted]))
    assert abs(mended - even).sum() < abs(dark - even).sum()
    assert mended == pytest.approx(even, rel=0.06, abs=1)


def test_even_light_is_left_alone() -> None:
    assert measure_flat_field(frames(0.0)).gain.max() < 1.04


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([np.full((48, 64, 3), 200, np.uint8)] * 2, "too few"),
        ([np.full((48, 64, 3), 200, np.uint8)] * 2 + [np.full((64, 48, 3), 200, np.uint8)], "different sizes"),
        ([np.full((480, 640, 3), 255, np.uint8)] * 3, "saturated"),
        ([np.full((480, 640, 3), 9, np.uint8)] * 3, "too dark"),
    ],
)
def test_frames_that_are_no_flat_field(images: list[np.ndarray], said: str) -> None:
    with pytest.raises(CalibrationError, match=said):
        measure_flat_field(images)


def test_what_has_no_even_course_is_refused() -> None:
    patches = np.random.default_rng(4).integers(90, 230, (18, 24, 1), dtype=np.uint8).repeat(3, 2)
    image = cv2.resize(patches, SIZE, interpolation=cv2.INTER_NEAREST)
    with pytest.raises(CalibrationError, match="not smooth"):
        measure_flat_field([image] * 4)


def test_a_map_fits_frames_of_its_own_size_only() -> None:
    flat = FlatField(np.ones((25, 33, 3), np.float32), SIZE)
    with pytest.raises(ValueError, match="does not fit"):
        flat.apply(np.zeros((240, 320, 3), np.uint8))


def test_red_cells_give_the_scale_within_its_interval() -> None:
    locator = OpenCvLocator()
    fields = [locator.locate(FieldView(image)) for image in frames(0.0, 6)]
    scale = scale_from_red_cells(fields)
    assert scale.method == RED_CELLS
    assert abs(scale.um_per_px - UM_PER_PX) < scale.uncertainty < 0.12 * UM_PER_PX
    known = scale_from_red_cells(fields, 7.2)
    assert known.uncertainty < scale.uncertainty
    assert "from person to person" not in known.source


@pytest.mark.parametrize(
    ("red_cell_px", "doubted"),
    [(70.0, False), (58.0, False), (82.0, False), (70 * 40 / 63, True), (70 * 63 / 40, True)],
)
def test_cells_that_contradict_the_profile(red_cell_px: float, doubted: bool) -> None:
    assert (contradiction(0.105, 0.0003, red_cell_px) is not None) is doubted
