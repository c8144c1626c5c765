from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.vision.classify.crops import CROP_RED_CELLS
from hemato_edge.vision.optics.stain import StainCalibration
from hemato_training.data.crops import Look
from hemato_training.data.records import Record
from hemato_training.explain.pointing import inside, peaks, pointing_game

LOOK = Look(30.0, StainCalibration.reference(), 1)
SIDE = CROP_RED_CELLS * 30.0


@pytest.fixture
def records(tmp_path) -> list[Record]:
    """Dark discs of 36 pixels at known places on an empty field."""
    found = []
    for i, (x, y) in enumerate([(150, 150), (200, 120), (160, 180)]):
        picture = np.full((300, 360, 3), 235, np.uint8)
        cv2.circle(picture, (x, y), 18, (120, 30, 80), -1)
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        box = (x - 18.0, y - 18.0, x + 18.0, y + 18.0)
        found.append(Record(tmp_path / f"{i}.png", "neutrophil", "bccd", str(i), "val", str(i), box))
    return found


def darkness(images: np.ndarray) -> np.ndarray:
    """The perfect map: where it is dark, on a grid of 6 × 6."""
    return np.stack([cv2.resize(255.0 - one.mean(axis=2), (6, 6), interpolation=cv2.INTER_AREA) for one in images])


def middle(images: np.ndarray) -> np.ndarray:
    return np.tile(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32), (len(images), 1, 1))


def corner(images: np.ndarray) -> np.ndarray:
    return np.tile(np.array([[1, 0, 0], [0, 0, 0], [0, 0, 0]], np.float32), (len(images), 1, 1))


@pytest.mark.parametrize(
    ("mapper", "shift", "share"),
    [
        (darkness, 0.0, 1.0),
        (darkness, 0.3, 1.0),
        (middle, 0.0, 1.0),
        (middle, 0.3, 0.0),  # 27 pixels off a disc of radius 18, boxes' corners out of the way of these directions
        (corner, 0.0, 0.0),
    ],
)
def test_game(records: list[Record], mapper, shift: float, share: float) -> None:
    found = pointing_game(records, LOOK, 60, mapper, shift)
    assert found.share == share
    assert found.cells == 3
    assert found.interval[0] <= share <= found.interval[1]
    if not shift:
        assert found.area == pytest.approx((36 / SIDE) ** 2)
        assert found.middle == 1.0
    elif mapper is middle:
        assert found.middle == found.share


def test_records_without_boxes(records: list[Record]) -> None:
    with pytest.raises(ValueError, match="no record"):
        pointing_game([], LOOK, 60, middle)


def test_peak_is_where_a_person_sees_it() -> None:
    one = np.zeros((1, 4, 4), np.float32)
    one[0, 2, 1] = 1
    assert peaks(one, 112)[0] == pytest.approx([1.5 / 4, 2.5 / 4], abs=0.02)


def test_inside() -> None:
    box = np.array([[0.2, 0.2, 0.4, 0.8]])
    assert inside(box, np.array([[0.3, 0.5]]))[0]
    assert not inside(box, np.array([[0.5, 0.5]]))[0]
