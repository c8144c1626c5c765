"""The period of drawn micrometers, of which it is known; and pictures in which there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_micrometer import draw_micrometer

from hemato_edge.calibration.micrometer import measure_micrometer
from hemato_edge.calibration.scale import scale_from_red_cells, scale_from_rulings
from hemato_edge.calibration.statistics import student_t95
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.errors import CalibrationError


@pytest.mark.parametrize(
    ("period_px", "spoiled"),
    [
        (6.3, {"blur_px": 0.8}),
        (17.77, {"angle_deg": 33.0}),
        (17.77, {"angle_deg": 90.0, "noise": 8.0}),
        (31.4, {"angle_deg": -4.0, "vignette": 0.6}),
        (31.4, {"angle_deg": 12.0, "specks": 60}),
        (25.0, {"length_share": 0.15, "angle_deg": 2.0}),  # the lines cross a seventh of the picture
        (25.0, {"divisions": 10}),  # bare glass on both sides
        (25.0, {"blur_px": 6.0, "contrast": 0.4}),
        (25.0, {"bright_lines": True}),
        (40.0, {"line_share": 0.5}),
        (95.2, {"angle_deg": 25.0}),  # an oil objective: seven lines
    ],
)
def test_the_period_is_right_within_a_thousandth(period_px: float, spoiled: dict[str, float]) -> None:
    ruling = measure_micrometer(draw_micrometer(period_px, seed=3, **spoiled))
    assert ruling.period_px == pytest.approx(period_px, rel=1e-3)
    assert ruling.uncertainty_px < 0.01 * period_px
    tilt = (ruling.direction_deg - spoiled.get("angle_deg", 0.0) + 90) % 180 - 90
    assert abs(tilt) < 0.1


def test_a_large_picture_is_measured_in_its_own_pixels() -> None:
    image = draw_micrometer(33.3, size=(2400, 160), angle_deg=1.5)
    assert measure_micrometer(image).period_px == pytest.approx(33.3, rel=1e-3)


def test_the_scale_is_within_its_interval_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = []
    for seed in range(16):
        period = float(np.exp(rng.uniform(np.log(8), np.log(50))))
        image = draw_micrometer(
            period,
            seed=seed,
            size=(400, 300),
            angle_deg=float(rng.uniform(-90, 90)),
            noise=float(rng.uniform(0, 8)),
            blur_px=float(rng.uniform(0.4, 0.2 * period)),
            vignette=float(rng.uniform(0, 0.5)),
            specks=int(rng.integers(0, 30)),
        )
        scale = scale_from_rulings([measure_micrometer(image)], 10.0)
        assert scale.uncertainty < 0.02 * scale.um_per_px
        inside.append(abs(scale.um_per_px - 10 / period) <= scale.uncertainty)
    assert sum(inside) >= 15


@pytest.mark.parametrize("seed", range(3))
def test_a_field_of_blood_is_no_micrometer(seed: int) -> None:
    with pytest.raises(CalibrationError) as caught:
        measure_micrometer(draw_field(seed)[0])
    assert "Focus on the lines" in caught.value.fix


@pytest.mark.parametrize("kind", ["flat", "black", "noise", "clouds", "three lines", "uneven lines"])
def test_what_has_no_regular_lines_is_refused(kind: str) -> None:
    rng = np.random.default_rng(1)
    image = np.full((480, 640, 3), 0 if kind == "black" else 200, np.uint8)
    if kind == "noise":
        image = rng.integers(100, 200, image.shape, dtype=np.uint8)
    if kind == "clouds":
        clouds = cv2.GaussianBlur(rng.standard_normal((480, 640)), (0, 0), 8)
        image = np.repeat(cv2.normalize(clouds, None, 60, 220, cv2.NORM_MINMAX).astype(np.uint8)[..., None], 3, 2)
    places = {"three lines": [200, 300, 400], "uneven lines": [50, 90, 210, 243, 391, 406, 577]}.get(kind, [])
    for x in places:
        cv2.line(image, (x, 20), (x, 460), (40, 40, 40), 5)
    with pytest.raises(CalibrationError, match=r"No regular scale|too uncertain"):
        measure_micrometer(image)


def test_pictures_of_two_objectives_disagree() -> None:
    rulings = [measure_micrometer(draw_micrometer(p)) for p in (20.0, 30.0)]
    with pytest.raises(CalibrationError, match="disagree"):
        scale_from_rulings(rulings, 10.0)


def test_no_red_cells_are_no_ruler() -> None:
    with pytest.raises(CalibrationError, match="Only 0 red cells"):
        scale_from_red_cells([])


def test_students_t() -> None:
    assert [student_t95(n) for n in (1, 4, 5, 10, 30)] == pytest.approx([12.706, 2.776, 2.571, 2.228, 2.042], abs=4e-3)
    with pytest.raises(ValueError, match="0 degrees"):
        student_t95(0)
