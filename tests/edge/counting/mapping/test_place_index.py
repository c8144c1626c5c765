"""The index of places: a place is found by what lies around its cells, wherever the frame shows them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.counting.mapping.place_index import REACH_PX, SPOTS, PlaceIndex, spots_of

WIDTH, HEIGHT = 80, 60
STEP = 70
COLUMNS = ROWS = 20


@pytest.fixture(scope="module")
def slide() -> np.ndarray:
    """Spots of a cell's size on a slide of 400 places."""
    noise = np.random.default_rng(1).standard_normal((ROWS * STEP + HEIGHT, COLUMNS * STEP + WIDTH))
    smooth = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 2.5)
    return smooth * (0.1 / smooth.std())


@pytest.fixture(scope="module")
def index(slide: np.ndarray) -> PlaceIndex:
    index = PlaceIndex()
    for number in range(COLUMNS * ROWS):
        index.add(number, cut(slide, number))
    return index


def cut(slide: np.ndarray, number: int, dx: int = 0, dy: int = 0) -> np.ndarray:
    x, y = number % COLUMNS * STEP + dx, number // COLUMNS * STEP + dy
    return slide[y : y + HEIGHT, x : x + WIDTH]


@pytest.mark.parametrize(
    ("dx", "dy"),
    [(0, 0), (9, 7), (26, 0), (0, 21), (24, 14), (-24, -14)],  # the last two share half of their area with the place
)
def test_a_place_is_found_dimmed_blurred_and_elsewhere_in_the_frame(
    slide: np.ndarray, index: PlaceIndex, dx: int, dy: int
) -> None:
    noise = np.random.default_rng(2)
    for number in (30, 171, 262, 377):
        view = cv2.GaussianBlur(cut(slide, number, dx, dy), (0, 0), 0.8) * 0.8
        view = view + noise.normal(0, 0.01, view.shape).astype(np.float32)
        assert number in index.likeliest(view, None, range(COLUMNS * ROWS), 2)


def test_a_place_is_found_in_a_frame_that_was_turned(slide: np.ndarray, index: PlaceIndex) -> None:
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 3.0, 1.0)
    for number in (30, 171, 262, 377):
        view = cv2.warpAffine(cut(slide, number, 9, 7), turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        assert number in index.likeliest(view, None, range(COLUMNS * ROWS), 2)


def test_cells_that_look_alike_are_told_by_where_they_lie() -> None:
    index, noise, pictures = PlaceIndex(), np.random.default_rng(4), []
    for number in range(40):
        places = np.zeros((0, 2), np.int64)
        for place in noise.integers((0, 0), (WIDTH + 20, HEIGHT + 20), (200, 2)):
            if (np.abs(places - place).max(axis=1) > 2 * REACH_PX + 4).all():
                places = np.concatenate([places, place[None]])
        picture = np.zeros((HEIGHT + 20, WIDTH + 20), np.float32)
        picture[places[:, 1], places[:, 0]] = -1
        pictures.append(cv2.GaussianBlur(picture, (0, 0), 2))
        index.add(number, pictures[-1][10:-10, 10:-10])
    found = [index.likeliest(one[4:-16, 15:-5], None, range(40), 1) for one in pictures]
    assert sum(one == [number] for number, one in enumerate(found)) > 28


def test_only_those_asked_for_are_named(slide: np.ndarray, index: PlaceIndex) -> None:
    others = [number for number in range(COLUMNS * ROWS) if number != 171]
    found = index.likeliest(cut(slide, 171), None, others, 8)
    assert len(found) == 8
    assert 171 not in found


def test_what_is_forgotten_makes_room_and_votes_no_more(slide: np.ndarray) -> None:
    index = PlaceIndex()
    for number in range(600):
        index.add(number, cut(slide, number % 400))
        if number >= 10:
            index.forget(number - 10)
    kept = range(590, 600)
    assert index.likeliest(cut(slide, 595 % 400), None, kept, 1) == [595]
    index.add(600, np.zeros((9, 9), np.float32))  # takes the rows of 590 or 589, and has no spot
    assert index.likeliest(cut(slide, 589 % 400), None, [600, *kept], 11)[0] != 600
    with pytest.raises(KeyError):
        index.likeliest(cut(slide, 0), None, [3], 1)


def test_what_lies_at_the_border_of_the_slide_is_no_place(slide: np.ndarray) -> None:
    shown = np.zeros((240, 320), np.bool_)
    cv2.circle(shown.view(np.uint8), (160, 120), 110, 1, -1)
    small = cv2.resize(shown.astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    at, _ = spots_of(cut(slide, 5) * small, shown, SPOTS)
    assert len(at) > 2
    for x, y in at.tolist():
        assert small[y - REACH_PX : y + REACH_PX + 1, x - REACH_PX : x + REACH_PX + 1].all()


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (12, 80), (9, 9)])
def test_without_spots_the_first_ones_are_named(slide: np.ndarray, index: PlaceIndex, shape: tuple[int, int]) -> None:
    empty = np.zeros(shape, np.float32)
    at, described = spots_of(empty, None, SPOTS)
    assert np.isfinite(described).all()
    assert len(at) == len(described) <= SPOTS
    assert index.likeliest(empty, None, range(40), 8) == list(range(8))
