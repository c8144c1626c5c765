from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hemato_edge.vision import quality
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.stain import StainCalibration
from hemato_edge.vision.quality import (
    EMPTY,
    FOCUS_RED_PX,
    MOVING,
    OUT_OF_FOCUS,
    RATIO_EVERY,
    RATIO_HOLDS,
    SATURATED,
    STAIN_FAR,
    TOO_DARK,
    TOO_DENSE,
    FocusMemory,
    QualityGate,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.values import Image

RED_PX = 60


def field(sigma: float = 1.5, cells: int = 24, level: float = 225, contrast: float = 0.3) -> Image:
    """Dark discs on a bright background, blurred by `sigma` pixels, with noise."""
    density = np.zeros((500, 700))
    for i in range(cells):
        cv2.circle(density, (80 + 110 * (i % 6), 80 + 110 * (i // 6)), RED_PX // 2, contrast, -1)
    picture = level * np.exp(-cv2.GaussianBlur(density, (0, 0), sigma))
    noisy = picture[..., None] + np.random.default_rng(5).normal(0, 1.5, (500, 700, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("contrast", [0.15, 0.3, 1.0])
@pytest.mark.parametrize("cells", [2, 24])
def test_focus_knows_neither_contrast_nor_crowd(contrast: float, cells: int) -> None:
    gate = QualityGate()
    sharp = gate.assess(FieldView(field(contrast=contrast, cells=cells), red_cell_px=RED_PX))
    blurred = gate.assess(FieldView(field(sigma=0.09 * RED_PX, contrast=contrast, cells=cells), red_cell_px=RED_PX))
    assert sharp.reject is None
    assert blurred.reject == OUT_OF_FOCUS
    assert sharp.measures["focus"] > 2 * blurred.measures["focus"]


@pytest.mark.parametrize("factor", [0.7, 2.0, 4.0])
def test_focus_does_not_know_the_resolution(factor: float) -> None:
    image = field(sigma=3)
    resized = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else 1)
    gate = QualityGate()
    one = gate.assess(FieldView(image, red_cell_px=RED_PX)).measures["focus"]
    other = gate.assess(FieldView(resized, red_cell_px=RED_PX * factor)).measures["focus"]
    assert other == pytest.approx(one, rel=0.2)


def test_scale_is_guessed_where_it_is_not_known() -> None:
    gate = QualityGate()
    assert gate.assess(FieldView(field())).reject is None
    assert gate.assess(FieldView(field(sigma=0.1 * RED_PX))).reject == OUT_OF_FOCUS


def test_sharpness_of_an_edge_follows_the_formula() -> None:
    """An edge of standard deviation s, smoothed by 1 pixel: 1 / (2 (s² + 1))."""
    step = np.zeros((200, 200))
    step[:, 100:] = 200
    for s in (2.0, 4.0):
        edge = np.rint(cv2.GaussianBlur(step, (0, 0), s)).astype(np.uint8)
        view = FieldView(cv2.merge([edge] * 3), red_cell_px=FOCUS_RED_PX)
        measured = QualityGate().assess(view).measures["focus"]
        assert measured == pytest.approx(1 / (2 * (s * s + 1)), rel=0.2)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (field(level=30), TOO_DARK),
        (np.zeros((480, 640, 3), np.uint8), TOO_DARK),
        (np.full((480, 640, 3), 255, np.uint8), SATURATED),
        (np.full((480, 640, 3), 220, np.uint8), EMPTY),
        (field(cells=0), EMPTY),
    ],
)
def test_reasons(image: Image, reason: str) -> None:
    assert QualityGate().assess(FieldView(image)).reject == reason


def smeared(image: Image, length: int, angle: float) -> Image:
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2
    dx, dy = reach * np.cos(angle), reach * np.sin(angle)
    middle = reach + 0.0
    ends = [(round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy))]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


@pytest.mark.parametrize("angle", [0.0, np.pi / 4, np.pi / 2, 2.2])
def test_motion_is_told_from_defocus(angle: float) -> None:
    """A smear of a quarter of a red cell in any direction, and a blur as strong."""
    gate = QualityGate()
    assert gate.assess(FieldView(smeared(field(), RED_PX // 4, angle), red_cell_px=RED_PX)).reject == MOVING
    assert gate.assess(FieldView(field(sigma=0.09 * RED_PX), red_cell_px=RED_PX)).reject == OUT_OF_FOCUS


@pytest.mark.parametrize(
    ("background", "nucleus_od", "reason"),
    [
        ((240, 240, 240), (0.39, 2.0, 1.24), None),
        ((200, 215, 230), (0.05, 0.6, 0.36), None),
        ((240, 240, 240), (0.1, 0.38, 0.3), STAIN_FAR),
        ((40, 200, 235), (0.39, 2.0, 1.24), STAIN_FAR),
    ],
)
def test_a_stain_that_cannot_be_brought_to_the_reference(background, nucleus_od, reason: str | None) -> None:
    assert QualityGate().judge_stain(StainCalibration(background, nucleus_od, 3)) == reason


def test_uneven_light_is_no_cell() -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 640), np.linspace(-1, 1, 480))
    vignette = 225 * (1 - 0.08 * (x * x + y * y))
    noisy = vignette[..., None] + np.random.default_rng(4).normal(0, 2, (480, 640, 3))
    assert QualityGate().assess(FieldView(np.clip(noisy, 0, 255).astype(np.uint8))).reject == EMPTY


def test_too_dense() -> None:
    density = np.full((500, 700), 0.3)
    for i in range(6):
        cv2.circle(density, (60 + 110 * i, 250), 30, 0.0, -1)
    image = np.repeat((225 * np.exp(-density))[..., None], 3, axis=2).astype(np.uint8)
    assert QualityGate().assess(FieldView(image)).reject == TOO_DENSE


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 3), (20, 20, 3)])
def test_tiny_pictures_get_a_verdict(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(1).integers(100, 250, shape).astype(np.uint8)
    assert all(np.isfinite(v) for v in QualityGate().assess(FieldView(image)).measures.values())


@pytest.mark.parametrize("name", ["bccd", "raabin_fields", "pbc_boxes"])
def test_good_fields_pass_and_blurred_ones_do_not(shared_data: Path, name: str) -> None:
    with (shared_data / name / "index.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "val"][:40]
    red = {"bccd": 102, "raabin_fields": 123, "pbc_boxes": 70}[name]
    gate, passed, stopped = QualityGate(), 0, 0
    chance = np.random.default_rng(2)
    for row in rows:
        image = cv2.imread(str(shared_data / name / "images" / row["image"]))
        passed += gate.assess(FieldView(image)).reject is None
        blurred = cv2.GaussianBlur(image, (0, 0), 0.08 * red) + chance.normal(0, 1.5, image.shape)
        stopped += gate.assess(FieldView(np.clip(blurred, 0, 255).astype(np.uint8))).reject == OUT_OF_FOCUS
    assert passed >= 0.98 * len(rows)
    assert stopped >= 0.9 * len(rows)


@pytest.mark.parametrize("factor", [2, 3])
def test_a_larger_picture_is_as_bright_and_as_saturated(factor: int) -> None:
    image = field(contrast=2.0)
    large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    one, other = (QualityGate().assess(FieldView(picture)).measures for picture in (image, large))
    for name in ("brightness", "saturated_share"):
        assert other[name] == pytest.approx(one[name], abs=0.01)


def refracting(blur: float, colours: tuple[float, float, float] = (0.2, 1.0, 0.6)) -> Image:
    """Cells out of focus by `blur` red-cell diameters: they are blurred, and have fringes, alike in all colours."""
    thickness = np.zeros((500, 700), np.float32)
    for i in range(24):
        cv2.circle(thickness, (80 + 110 * (i % 6), 80 + 110 * (i // 6)), RED_PX // 2, 1.0, -1)
    thickness = cv2.GaussianBlur(thickness, (0, 0), 2.0)
    fringe = np.exp(-0.6 * RED_PX * blur * cv2.Laplacian(thickness, cv2.CV_32F))
    absorbed = cv2.GaussianBlur(thickness, (0, 0), max(blur * RED_PX, 0.1))[..., None] * np.array(colours)
    light = 190 * np.exp(-absorbed) * fringe[..., None]
    return np.clip(light + np.random.default_rng(6).normal(0, 1.5, light.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("blur", [0.08, 0.1, 0.15])
def test_fringes_of_cells_out_of_focus_are_not_taken_for_sharpness(blur: float) -> None:
    gate = QualityGate()
    assert gate.assess(FieldView(refracting(0), red_cell_px=RED_PX)).reject is None
    colourless = gate.assess(FieldView(cv2.merge([refracting(blur)[..., 1]] * 3), red_cell_px=RED_PX))
    assert colourless.measures["focus"] > 1.5 * gate.min_focus, "the fringes of this picture are sharp edges"
    assert gate.assess(FieldView(refracting(blur), red_cell_px=RED_PX)).reject == OUT_OF_FOCUS


def test_a_grey_picture_is_focused_by_its_brightness() -> None:
    grey = cv2.merge([field()[..., 1]] * 3)
    sharp = QualityGate().assess(FieldView(grey, red_cell_px=RED_PX))
    assert sharp.reject is None
    assert np.isfinite(sharp.measures["focus"])


def test_blur_is_told_where_another_reason_comes_first() -> None:
    gate = QualityGate(max_saturated_share=0.0)
    quality = gate.assess(FieldView(field(sigma=0.1 * RED_PX, level=255), red_cell_px=RED_PX))
    assert quality.reject == SATURATED
    assert gate.blur(quality.measures) == OUT_OF_FOCUS
    assert gate.blur(gate.assess(FieldView(field(), red_cell_px=RED_PX)).measures) is None


def stained(sigma: float = 1.5) -> Image:
    """As `field`, with cells that absorb green most, and red with a blur of its own."""
    return np.dstack([field(sigma)[..., 0], field(sigma)[..., 1], field(2 * sigma, contrast=0.1)[..., 2]])


def test_a_camera_s_focus_by_colours_is_measured_now_and_then_and_where_the_frame_changes(monkeypatch) -> None:
    measured = []
    whole = quality._colour_sharpness
    monkeypatch.setattr(quality, "_colour_sharpness", lambda *given: measured.append(1) or whole(*given))
    gate, memory, view = QualityGate(), FocusMemory(), FieldView(stained(), red_cell_px=RED_PX)
    alone = gate.assess(view).measures["focus"]
    assert [gate.assess(view, memory=memory).measures["focus"] for _ in range(1 + 2 * RATIO_EVERY)] == pytest.approx(
        [alone] * (1 + 2 * RATIO_EVERY)
    )
    assert len(measured) == 1 + 3
    softer = FieldView(stained(sigma=0.04 * RED_PX), red_cell_px=RED_PX)
    assert gate.assess(softer, memory=memory).measures == pytest.approx(gate.assess(softer).measures)
    assert len(measured) == 1 + 3 + 2


def test_a_ratio_holds_near_the_measure_it_was_taken_at_alone() -> None:
    memory = FocusMemory()
    assert not memory.holds(0.5), "nothing was measured yet"
    memory.note(0.5, 0.4)
    assert memory.ratio == pytest.approx(0.8)
    assert memory.holds(0.5 * (1 + 0.9 * RATIO_HOLDS))
    assert not memory.holds(0.5 * (1 - 1.1 * RATIO_HOLDS))
    memory.note(0.5, float("inf"))
    assert memory.ratio == 1
