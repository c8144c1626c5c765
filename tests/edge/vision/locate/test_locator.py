"""The locator on drawn fields, where the truth is known, and on real ones, where people drew boxes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hemato_edge.errors import ImageError
from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.candidates import best_of_overlapping, box_overlap
from hemato_edge.vision.locate.locator import OpenCvLocator, find_central_cell

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections, Image

RED_PX = 60
GLASS = np.array([200.0, 225.0, 250.0])
RED_OD = np.array([0.17, 0.29, 0.19])
NUCLEUS_OD = np.array([0.34, 1.48, 0.94])
CYTOPLASM_OD = np.array([0.06, 0.22, 0.18])
GRID = [(90 + 110 * i, 90 + 110 * j) for j in range(4) for i in range(6)]


class Drawing:
    """A field drawn in optical density: discs upon each other add, as stained cells do."""

    def __init__(self, width: int = 700, height: int = 500) -> None:
        self.density = np.zeros((height, width, 3))

    def disc(self, x: float, y: float, diameter: float, od: NDArray[np.float64]) -> Drawing:
        mask = np.zeros(self.density.shape[:2], np.uint8)
        cv2.circle(mask, (round(x * 16), round(y * 16)), round(diameter * 8), 255, -1, cv2.LINE_AA, 4)
        self.density += mask[..., None] / 255 * od
        return self

    def red(self, x: float, y: float, diameter: float = RED_PX) -> Drawing:
        return self.disc(x, y, diameter, RED_OD).disc(x, y, diameter * 0.35, -0.4 * RED_OD)

    def white(self, x: float, y: float, diameter: float = 1.8 * RED_PX, lobes: int = 1) -> Drawing:
        self.disc(x, y, diameter, CYTOPLASM_OD)
        for lobe in range(lobes):
            angle = 2 * np.pi * lobe / lobes
            away = 0 if lobes == 1 else 0.23 * diameter
            size = 0.7 * diameter if lobes == 1 else 0.3 * diameter
            self.disc(x + away * np.cos(angle), y + away * np.sin(angle), size, NUCLEUS_OD)
        return self

    def platelet(self, x: float, y: float) -> Drawing:
        return self.disc(x, y, 0.35 * RED_PX, 0.5 * NUCLEUS_OD)

    def image(self, glass: NDArray[np.float64] = GLASS, noise: float = 1.0) -> Image:
        picture = glass * np.exp(-cv2.GaussianBlur(self.density, (0, 0), 1.2))
        picture += np.random.default_rng(1).normal(0, noise, picture.shape)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def red_field(skip: int = 0) -> Drawing:
    """Red cells on a grid, the first ones left out."""
    drawing = Drawing()
    for x, y in GRID[skip:]:
        drawing.red(x, y)
    return drawing


@pytest.fixture(scope="module")
def locator() -> OpenCvLocator:
    return OpenCvLocator()


def counts(found: Detections) -> tuple[int, int, int]:
    return tuple(found.counts().values())  # type: ignore[return-value]


def overlaps(found: Detections, kind: int, x: float, y: float, diameter: float) -> float:
    truth = np.array([[x - diameter / 2, y - diameter / 2, x + diameter / 2, y + diameter / 2]], np.float32)
    mine = found.of_kind(kind).boxes
    return float(box_overlap(mine, truth).max()) if len(mine) else 0.0


def test_red_cells_are_found_and_nothing_else(locator: OpenCvLocator) -> None:
    found = locator.locate(FieldView(red_field().image()))
    assert counts(found) == (0, len(GRID), 0)
    assert all(overlaps(found, RBC, x, y, RED_PX) > 0.7 for x, y in GRID)


def test_known_scale_gives_the_same_cells(locator: OpenCvLocator) -> None:
    image = red_field().image()
    assert counts(locator.locate(FieldView(image, red_cell_px=RED_PX))) == (0, len(GRID), 0)


@pytest.mark.parametrize("glass", [GLASS, np.array([190.0, 200.0, 198.0]), np.array([110.0, 240.0, 250.0])])
def test_white_cell_platelet_and_red_cells(locator: OpenCvLocator, glass: NDArray[np.float64]) -> None:
    image = red_field(2).white(110, 95).platelet(250, 90).image(glass)
    found = locator.locate(FieldView(image))
    assert counts(found) == (1, len(GRID) - 2, 1)
    assert overlaps(found, WBC, 110, 95, 1.8 * RED_PX) > 0.6
    platelet = found.of_kind(PLATELET)
    assert np.abs(platelet.centres - (250, 90)).max() < 3
    assert 0.35 < platelet.sizes[0] / RED_PX < 0.6  # people draw platelets with a margin


@pytest.mark.parametrize("lobes", [2, 3, 4])
def test_lobes_are_one_cell(locator: OpenCvLocator, lobes: int) -> None:
    found = locator.locate(FieldView(red_field(2).white(110, 95, lobes=lobes).image()))
    assert found.counts()["wbc"] == 1
    assert overlaps(found, WBC, 110, 95, 1.8 * RED_PX) > 0.6


def test_two_white_cells_side_by_side_stay_two(locator: OpenCvLocator) -> None:
    found = locator.locate(FieldView(red_field(2).white(90, 90).white(90 + 1.7 * RED_PX, 90).image()))
    assert found.counts()["wbc"] == 2


@pytest.mark.parametrize("apart", [0.65, 0.8, 1.0])
def test_touching_and_overlapping_red_cells_are_two(locator: OpenCvLocator, apart: float) -> None:
    drawing = red_field(2).red(80, 90).red(80 + apart * RED_PX, 90)
    found = locator.locate(FieldView(drawing.image()))
    assert counts(found) == (0, len(GRID), 0)
    assert overlaps(found, RBC, 80, 90, RED_PX) > 0.6
    assert overlaps(found, RBC, 80 + apart * RED_PX, 90, RED_PX) > 0.6


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_resizing_the_picture_changes_nothing(locator: OpenCvLocator, factor: float) -> None:
    image = red_field(2).white(110, 95).platelet(250, 90).image()
    resized = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else 1)
    one, other = locator.locate(FieldView(image)), locator.locate(FieldView(resized))
    assert counts(one) == counts(other)
    assert box_overlap(other.of_kind(WBC).boxes / np.float32(factor), one.of_kind(WBC).boxes)[0, 0] > 0.8


@pytest.mark.parametrize("level", [0, 40, 128, 230, 255])
def test_nothing_in_empty_fields(locator: OpenCvLocator, level: int) -> None:
    noise = np.random.default_rng(2).normal(level, 3, (480, 640, 3))
    image = np.clip(noise, 0, 255).astype(np.uint8)
    assert len(locator.locate(FieldView(image))) == 0
    assert find_central_cell(FieldView(image)) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (10, 10, 3), (23, 600, 3)])
def test_tiny_pictures_hold_nothing(locator: OpenCvLocator, shape: tuple[int, int, int]) -> None:
    image = np.full(shape, 200, np.uint8)
    assert len(locator.locate(FieldView(image))) == 0
    assert find_central_cell(FieldView(image)) is None


def test_grey_pictures_show_red_cells_only(locator: OpenCvLocator) -> None:
    """Without colour, haemoglobin and nuclei cannot be told apart: no white cell is claimed."""
    grey = cv2.cvtColor(red_field(2).white(110, 95).image(), cv2.COLOR_BGR2GRAY)
    found = locator.locate(FieldView(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)))
    assert found.counts()["wbc"] == 0
    assert found.counts()["rbc"] >= len(GRID) - 2


@pytest.mark.parametrize(
    "image", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 4), np.uint8), np.zeros((50, 50, 3), np.float32)]
)
def test_other_pictures_are_refused(locator: OpenCvLocator, image: Image) -> None:
    with pytest.raises(ImageError) as refused:
        locator.locate(FieldView(image))
    assert refused.value.fix
    with pytest.raises(ImageError):
        find_central_cell(FieldView(image))


def test_scores_and_boxes_keep_their_bounds() -> None:
    image = red_field(2).white(20, 20).red(695, 495).image()
    found = OpenCvLocator(min_score=0.0).locate(FieldView(image))
    assert np.all((found.scores > 0) & (found.scores <= 1))
    assert np.all(found.boxes >= 0)
    assert np.all(found.boxes[:, 2:] <= (700, 500))


def test_min_score_only_takes_away() -> None:
    image = red_field(2).white(110, 95).platelet(250, 90).image()
    few, many = (OpenCvLocator(min_score=s).locate(FieldView(image, red_cell_px=RED_PX)) for s in (0.9, 0.1))
    assert len(few) <= len(many)
    assert few.scores.min() >= 0.9


def test_the_nucleus_mask_covers_the_nucleus(locator: OpenCvLocator) -> None:
    image = red_field(2).white(110, 95).platelet(250, 90).image()
    nuclei = locator.nuclei(FieldView(image))
    assert nuclei.shape == image.shape[:2]
    assert nuclei[95, 110]
    y, x = np.nonzero(nuclei)
    assert np.hypot(x - 110, y - 95).max() < 0.7 * 1.8 * RED_PX / 2 + 4
    assert np.count_nonzero(nuclei) > 0.8 * np.pi * (0.35 * 1.8 * RED_PX) ** 2


def test_central_cell_of_a_picture_with_red_cells() -> None:
    drawing = Drawing(360, 360).white(185, 175).white(330, 330)
    for x, y in ((50, 50), (60, 180), (55, 310), (180, 320), (300, 60), (310, 180), (180, 40)):
        drawing.red(x, y)
    box = find_central_cell(FieldView(drawing.image()))
    assert box is not None
    truth = np.array([[131, 121, 239, 229]], np.float32)
    assert box_overlap(np.array([box], np.float32), truth)[0, 0] > 0.7


def test_central_platelet() -> None:
    drawing = Drawing(360, 360).platelet(180, 180).platelet(320, 40)
    for x, y in ((50, 50), (60, 180), (55, 310), (180, 320), (300, 160), (310, 260), (180, 60)):
        drawing.red(x, y)
    box = find_central_cell(FieldView(drawing.image()))
    assert box is not None
    assert abs((box[0] + box[2]) / 2 - 180) < 5
    assert abs((box[1] + box[3]) / 2 - 180) < 5
    assert box[2] - box[0] < 0.7 * RED_PX


@pytest.mark.parametrize("lobes", [1, 3])
def test_central_cell_alone_on_yellow_with_black_padding(lobes: int) -> None:
    image = Drawing(120, 120).white(62, 58, 76, lobes=lobes).image(np.array([130.0, 245.0, 250.0]))
    image[:, :14] = 0
    box = find_central_cell(FieldView(image))
    assert box is not None
    truth = np.array([[24, 20, 100, 96]], np.float32)
    assert box_overlap(np.array([box], np.float32), truth)[0, 0] > 0.6


def test_overlapping_boxes_leave_the_best() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], np.float32)
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    assert best_of_overlapping(boxes, scores, 0.5).tolist() == [1, 2]


def found_share(folder: Path, name: str, class_column: str | None = None) -> float:
    """Share of fields of the validation split in which the number of white cells is right within one box."""
    with (folder / name / "index.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "val"][:30]
    locator, right = OpenCvLocator(), 0
    for row in rows:
        image = cv2.imread(str(folder / name / "images" / row["image"]))
        if class_column:
            truth = int(row[class_column])
        else:
            labels = folder / name / "labels" / row["image"].replace(".jpg", ".txt")
            truth = sum(line.startswith("0 ") for line in labels.read_text(encoding="utf-8").splitlines())
        right += locator.locate(FieldView(image)).counts()["wbc"] == truth
    return right / len(rows)


@pytest.mark.parametrize(
    ("name", "column", "least"),
    [("bccd", "wbc_boxes", 0.93), ("raabin_fields", None, 0.85), ("pbc_boxes", None, 0.9)],
)
def test_white_cells_are_counted_in_real_fields(shared_data: Path, name: str, column: str | None, least: float) -> None:
    assert found_share(shared_data, name, column) >= least


def test_no_white_cell_is_made_up_beside_the_real_one(shared_data: Path) -> None:
    """The widest part of each field that its only white cell leaves free."""
    with (shared_data / "bccd" / "index.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "val" and row["wbc_boxes"] == "1"][:40]
    locator, made_up, looked = OpenCvLocator(), 0, 0
    for row in rows:
        image = cv2.imread(str(shared_data / "bccd" / "images" / row["image"]))
        annotation = (shared_data / "bccd" / "annotations" / row["image"].replace(".jpg", ".xml")).read_text()
        white = annotation.split("<name>WBC</name>")[1]
        left, right = (int(white.split(f"<{side}>")[1].split("<")[0]) for side in ("xmin", "xmax"))
        free = image[:, :left] if left > 640 - right else image[:, right + 1 :]
        if free.shape[1] >= 250:
            looked += 1
            made_up += locator.locate(FieldView(free)).counts()["wbc"] > 0
    assert looked > 20
    assert made_up <= 1


def test_the_cell_of_a_portrait_is_in_its_middle(shared_data: Path) -> None:
    with (shared_data / "pbc" / "index.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == "val"]
    off = []
    for row in rows[:: len(rows) // 48]:
        image = cv2.imread(str(shared_data / "pbc" / row["image"]))
        box = find_central_cell(FieldView(image))
        assert box is not None, row["image"]
        height, width = image.shape[:2]
        off.append(np.hypot((box[0] + box[2] - width) / 2, (box[1] + box[3] - height) / 2))
    assert np.median(off) < 10
    assert np.mean(np.array(off) < 36) > 0.9
