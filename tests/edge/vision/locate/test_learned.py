"""What surrounds the network: scale, windows, places, nuclei. A network of three rules stands in for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.aperture import Aperture
from hemato_edge.errors import ImageError
from hemato_edge.labels import KINDS, RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_edge.vision.locate.peaks import BOX_VALUES, STRIDE
from hemato_edge.vision.locate.windows import WindowSpec
from hemato_edge.vision.optics.nuclei import nuclei_in

SPEC = WindowSpec(384, 288, 60.0)
GLASS, RED_CELL, NUCLEUS, CYTOPLASM = (232, 236, 240), (170, 165, 215), (130, 40, 90), (225, 212, 218)


class RoundThings:
    """Finds what is pink (red cells) and what is dark (white cells) as connected pieces of a window."""

    def __init__(self, *, any_size: bool = True) -> None:
        self.windows = 0
        self.size = (SPEC.height, SPEC.width)
        self._any_size = any_size

    def resize(self, height: int, width: int) -> bool:
        self.size = (height, width) if self._any_size else self.size
        return self.size == (height, width)

    def maps(self, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.windows += 1
        assert window.shape[:2] == self.size
        rows, columns = window.shape[0] // STRIDE, window.shape[1] // STRIDE
        heat = np.full((rows, columns, len(KINDS)), -9.0, np.float32)
        boxes = np.zeros((rows, columns, len(KINDS) * BOX_VALUES), np.float32)
        green = window[..., 1].astype(int)
        for kind, mask in ((WBC, green < 120), (RBC, (green >= 120) & (green < 190))):
            _, _, stats, _ = cv2.connectedComponentsWithStats(
                cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
            )
            for x, y, width, height, area in stats[1:]:
                if area < 300:
                    continue
                row, column = int((y + height / 2) // STRIDE), int((x + width / 2) // STRIDE)
                heat[row, column, kind] = 3.0
                at = kind * BOX_VALUES
                boxes[row, column, at : at + BOX_VALUES] = (
                    (x + width / 2 - (column + 0.5) * STRIDE) / SPEC.red_cell_px,
                    (y + height / 2 - (row + 0.5) * STRIDE) / SPEC.red_cell_px,
                    np.log(width / SPEC.red_cell_px),
                    np.log(height / SPEC.red_cell_px),
                )
        return heat, boxes


def draw(width: int, height: int, red: float) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Red cells on a grid, and a dark cell in the lower right; the places of the red ones."""
    picture = np.full((height, width, 3), GLASS, np.uint8)
    places = [
        (x, y)
        for x in np.arange(red, width - red, 1.6 * red)
        for y in np.arange(red, height - red, 1.6 * red)
        if np.hypot(x - width + 2 * red, y - height + 2 * red) > 2 * red
    ]
    for x, y in places:
        cv2.circle(picture, (round(x), round(y)), round(red / 2), RED_CELL, -1, cv2.LINE_AA)
    at = (round(width - 2 * red), round(height - 2 * red))
    cv2.circle(picture, at, round(0.8 * red), CYTOPLASM, -1, cv2.LINE_AA)
    cv2.circle(picture, at, round(0.6 * red), NUCLEUS, -1, cv2.LINE_AA)
    return picture, places


@pytest.mark.parametrize("any_size", [True, False])
@pytest.mark.parametrize(
    ("width", "height", "red", "windows", "of_training"),
    [(640, 480, 100, 1, 1), (1200, 900, 70, 4, 20), (700, 470, 70, 1, 4)],
)
def test_cells_come_back_where_they_were_drawn(
    width: int, height: int, red: float, windows: int, of_training: int, any_size: bool
) -> None:
    picture, places = draw(width, height, red)
    network = RoundThings(any_size=any_size)
    found = LearnedLocator(network, SPEC, same_score(0.5)).locate(FieldView(picture, red_cell_px=red))
    reds = found.of_kind(RBC)
    assert len(reds) == len(places)
    for x, y in places:
        assert np.abs(reds.centres - (x, y)).max(axis=1).min() < 0.05 * red
    assert np.median(reds.sizes) == pytest.approx(red, rel=0.08)
    assert found.counts()["wbc"] == 1
    assert network.windows == (windows if any_size else of_training)


@pytest.mark.parametrize("red", [45, 70, 120])
def test_an_unknown_scale_is_found(red: float) -> None:
    picture, places = draw(900, 700, red)
    found = LearnedLocator(RoundThings(), SPEC, same_score(0.5)).locate(FieldView(picture))
    assert abs(found.counts()["rbc"] - len(places)) <= 1
    assert np.median(found.of_kind(RBC).sizes) == pytest.approx(red, rel=0.1)


def test_thresholds_hold_kind_by_kind() -> None:
    picture, places = draw(640, 480, 100)
    found = LearnedLocator(RoundThings(), SPEC, (0.99, 0.5, 0.5)).locate(FieldView(picture, red_cell_px=100))
    assert found.counts() == {"wbc": 0, "rbc": len(places), "platelet": 0}


def test_the_mask_covers_the_nucleus_alone() -> None:
    picture, _ = draw(640, 480, 100)
    view = FieldView(picture, red_cell_px=100)
    nuclei = nuclei_in(view, LearnedLocator(RoundThings(), SPEC, same_score(0.5)).locate(view))
    truth = np.all(picture == NUCLEUS, axis=2)
    assert np.count_nonzero(nuclei & truth) / np.count_nonzero(nuclei | truth) > 0.9


def test_pictures_without_room_for_a_cell() -> None:
    locator = LearnedLocator(RoundThings(), SPEC, same_score(0.5))
    tiny = np.full((20, 400, 3), 230, np.uint8)
    assert len(locator.locate(FieldView(tiny))) == 0
    assert not nuclei_in(FieldView(tiny), Detections.empty()).any()
    with pytest.raises(ImageError):
        locator.locate(FieldView(np.zeros((100, 100), np.uint8)))


def test_a_cut_cell_touches_the_border_and_a_whole_one_does_not() -> None:
    picture = np.full((480, 640, 3), GLASS, np.uint8)
    for x in (20, 200, 400):
        cv2.circle(picture, (x, 240), 50, RED_CELL, -1, cv2.LINE_AA)
    picture[:, :4] = GLASS  # the network sees the cut cell end short of the border
    boxes = LearnedLocator(RoundThings(), SPEC, same_score(0.5)).locate(FieldView(picture, red_cell_px=100)).boxes
    left = np.sort(boxes[:, 0])
    assert left[0] == 0
    assert left[1] == pytest.approx(150, abs=4)


class Unsure(RoundThings):
    """Finds each dark piece as a red cell of some score, too, the white one below its threshold."""

    def __init__(self, score: float) -> None:
        super().__init__()
        self.logit = np.log(score / (1 - score))

    def maps(self, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        heat, boxes = super().maps(window)
        dark = heat[..., WBC] > 0
        heat[dark, WBC] = -0.6
        heat[dark, RBC] = self.logit
        boxes[dark, RBC * BOX_VALUES : (RBC + 1) * BOX_VALUES] = boxes[dark, WBC * BOX_VALUES : (WBC + 1) * BOX_VALUES]
        heat[..., RBC] = np.minimum(heat[..., RBC], self.logit)
        return heat, boxes


RIM_AT = 400
RIMMED = Aperture((640, 480), (0, 0, 640, 480), np.broadcast_to(np.arange(640) >= RIM_AT, (480, 640)))


def beside_the_rim(x: float, colour: tuple[int, int, int] = RED_CELL) -> FieldView:
    """A field with a cell of 100 px around x that a straight rim may cut, and one of the same kind far from it."""
    picture = np.full((480, 640, 3), GLASS, np.uint8)
    for middle in ((round(x), 150), (150, 330)):
        cv2.circle(picture, middle, 50, colour, -1, cv2.LINE_AA)
    return FieldView(picture, RIMMED, red_cell_px=100, background=np.array(GLASS))


@pytest.mark.parametrize(("inside_px", "found"), [(30, 2), (6, 2), (-6, 1), (-25, 1)])
def test_a_cell_at_a_rim_counts_where_its_centre_is_inside(inside_px: float, found: int) -> None:
    cells = LearnedLocator(RoundThings(), SPEC, same_score(0.5)).locate(beside_the_rim(RIM_AT - inside_px))
    assert cells.counts()["rbc"] == found


def test_what_a_rim_leaves_of_a_white_cell_is_no_red_cell() -> None:
    cells = LearnedLocator(Unsure(0.7), SPEC, same_score(0.5)).locate(beside_the_rim(RIM_AT - 20, NUCLEUS))
    assert cells.counts() == {"wbc": 0, "rbc": 1, "platelet": 0}, "the one far from the rim is as it was found"
    assert cells.centres[0, 0] == pytest.approx(150, abs=3)


def test_a_cut_red_cell_counts_from_a_lower_score() -> None:
    cells = LearnedLocator(Unsure(0.485), SPEC, same_score(0.5)).locate(beside_the_rim(RIM_AT - 20))
    assert cells.counts()["rbc"] == 1
    assert cells.centres[0, 0] > 300
    cells = LearnedLocator(Unsure(0.44), SPEC, same_score(0.5)).locate(beside_the_rim(RIM_AT - 20))
    assert len(cells) == 0


def test_what_the_border_leaves_of_a_white_cell_touches_it_as_a_whole_one_would() -> None:
    picture = np.full((480, 640, 3), GLASS, np.uint8)
    for x, y in ((-20, 120), (72, 300)):
        cv2.circle(picture, (x, y), 60, NUCLEUS, -1, cv2.LINE_AA)
    picture[:, :9] = GLASS
    boxes = LearnedLocator(RoundThings(), SPEC, same_score(0.5)).locate(FieldView(picture, red_cell_px=100)).boxes
    cut, whole = boxes[np.argsort(boxes[:, 1])]
    assert cut[0] == 0
    assert cut[2] == pytest.approx(40, abs=4)
    assert whole[0] == pytest.approx(12, abs=1.5)


def test_a_part_is_seen_in_windows_of_the_whole_and_its_cells_lie_where_they_lie_there() -> None:
    picture, _ = draw(1200, 900, 70)
    network = RoundThings()
    locator = LearnedLocator(network, SPEC, same_score(0.5))
    view = FieldView(picture, red_cell_px=70)
    whole, all_windows, size = locator.locate(view), network.windows, network.size
    x0, y0, x1, y1 = rectangle = (0, 560, 520, 900)
    part = locator.locate(view.part(rectangle)).moved(x0, y0)
    assert network.size == size
    assert 0 < network.windows - all_windows < all_windows
    x, y = whole.centres.T
    inside = whole.select((x >= x0) & (x < x1) & (y >= y0) & (y < y1))
    np.testing.assert_allclose(part.boxes, inside.boxes, atol=1e-3)
    np.testing.assert_array_equal(part.kinds, inside.kinds)
    assert np.any(part.boxes[:, 2] > x1), "no cell was cut by the side"
