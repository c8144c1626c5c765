from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.labels import RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision import scale
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.contrast import measure_contrast
from hemato_edge.vision.scale import (
    MIN_RED_CELLS,
    WHITE_OVER_RED,
    ScaleEstimator,
    guess_red_cell_px,
    red_cell_diameter_px,
    red_cell_px_from_white,
)


def detections(*cells: tuple[float, float, float, float], kind: int = RBC) -> Detections:
    """Cells given as x y of the middle, width, height."""
    boxes = np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for x, y, w, h in cells], np.float32)
    n = len(boxes)
    return Detections(boxes.reshape(-1, 4), np.full(n, kind, np.int8), np.full(n, 0.9, np.float32))


FAR = (900.0, 900.0, 60.0, 60.0)
"""One more cell, at the far corner: the outermost one never counts."""


def test_median_of_round_isolated_cells() -> None:
    found = detections((100, 100, 70, 70), (200, 100, 72, 72), (300, 100, 74, 74), FAR)
    assert red_cell_diameter_px(found) == pytest.approx(72)


@pytest.mark.parametrize(
    "odd",
    [
        (600.0, 600.0, 30.0, 120.0),  # not round
        (40.0, 600.0, 80.0, 80.0),  # at the left border
        (600.0, 50.0, 100.0, 100.0),  # at the upper border
    ],
)
def test_odd_cells_do_not_count(odd: tuple[float, float, float, float]) -> None:
    good = [(100.0, 100.0, 70.0, 70.0), (200.0, 100.0, 70.0, 70.0), (300.0, 100.0, 70.0, 70.0)]
    assert red_cell_diameter_px(detections(*good, odd, odd, odd, odd, FAR)) == pytest.approx(70)


def test_overlapping_cells_only_count_where_there_are_no_others() -> None:
    pairs = [(x + dx, 100.0, 90.0, 90.0) for x in (100, 300, 500) for dx in (0, 30)]
    alone = [(100.0, 300.0, 70.0, 70.0), (200.0, 300.0, 70.0, 70.0), (300.0, 300.0, 70.0, 70.0)]
    assert red_cell_diameter_px(detections(*pairs, *alone, FAR)) == pytest.approx(70)
    assert red_cell_diameter_px(detections(*pairs, FAR)) == pytest.approx(90)


@pytest.mark.parametrize("number", range(MIN_RED_CELLS))
def test_too_few_cells_are_no_measurement(number: int) -> None:
    cells = [(100.0 + 100 * i, 100.0, 70.0, 70.0) for i in range(number)]
    assert red_cell_diameter_px(detections(*cells)) is None


def test_white_cells_are_no_red_cells() -> None:
    cells = [(100.0 + 100 * i, 100.0, 70.0, 70.0) for i in range(5)]
    assert red_cell_diameter_px(detections(*cells, kind=WBC)) is None


def test_estimator_learns_and_follows() -> None:
    scale = ScaleEstimator(max_looks=5)
    assert scale.red_cell_px is None
    assert scale.looks == 0
    for diameter in (70, 71, 200, 69, 70):
        scale.add(diameter)
    assert scale.red_cell_px == 70
    for _ in range(5):
        scale.add(100)
    assert scale.red_cell_px == 100
    assert scale.looks == 10


@pytest.mark.parametrize("diameter", [0.0, -1.0, float("nan"), float("inf")])
def test_estimator_refuses_nonsense(diameter: float) -> None:
    with pytest.raises(ValueError, match="red cell"):
        ScaleEstimator().add(diameter)


def test_red_cells_from_white_cells() -> None:
    assert red_cell_px_from_white([]) is None
    assert red_cell_px_from_white([100.0, 188.0, 400.0]) == pytest.approx(188 / WHITE_OVER_RED)


@pytest.mark.parametrize("diameter", [14, 30, 60, 120])
@pytest.mark.parametrize("size", [(480, 640), (1500, 2000)])
def test_guess_from_the_bare_picture(size: tuple[int, int], diameter: int) -> None:
    height, width = size
    density = np.zeros(size)
    chance = np.random.default_rng(3)
    for y in np.arange(diameter, height, 1.5 * diameter):
        for x in np.arange(diameter, width, 1.5 * diameter):
            dx, dy = chance.normal(0, 0.15 * diameter, 2)
            cv2.circle(density, (round(x + dx), round(y + dy)), diameter // 2, 0.29, -1)
    green = 225 * np.exp(-cv2.GaussianBlur(density, (0, 0), 0.03 * diameter + 0.5))
    image = np.stack([200 * (green / 225) ** 0.6, green, 250 * (green / 225) ** 0.66], axis=2)
    image = np.clip(image + chance.normal(0, 1, image.shape), 0, 255).astype(np.uint8)
    guess = guess_red_cell_px(FieldView(image))
    assert guess is not None
    assert 0.8 < guess / diameter < 1.3


def test_no_guess_without_cells() -> None:
    assert guess_red_cell_px(FieldView(np.full((480, 640, 3), 220, np.uint8))) is None


def test_a_bare_picture_of_4k_is_not_searched_at_its_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def noted(view: FieldView, factor: float) -> object:
        looks.append(factor)
        return measure_contrast(view, factor)

    monkeypatch.setattr(scale, "measure_contrast", noted)
    assert scale.guess_red_cell_px(FieldView(np.full((2160, 3840, 3), 235, np.uint8))) is None
    assert max(looks) * 3840 <= 1440
