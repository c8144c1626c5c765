"""Measured features: what they see of a drawn cell, and that position and magnification do not matter."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage")

from hemato_training.classify.features import FEATURES, describe_cell, describe_cells, outline_cell

GLASS, RED, PLASM, NUCLEUS = (240, 240, 240), (175, 165, 225), (225, 190, 215), (130, 45, 85)


def drawn(size: int = 90, lobes: int = 1, plasm: tuple[int, int, int] = PLASM, neighbour: bool = False) -> np.ndarray:
    """A prepared crop, BGR: a white cell of 1.5 red-cell diameters among red cells."""
    big = np.full((360, 360, 3), 240, np.uint8)
    for x, y in ((40, 50), (330, 60), (320, 320), (40, 310)):
        cv2.circle(big, (x, y), 58, RED, -1)
    if neighbour:
        cv2.circle(big, (316, 180), 58, RED, -1)
    cv2.circle(big, (180, 180), 88, plasm, -1)
    for i in range(lobes):
        angle = 2 * np.pi * i / lobes
        away = 0 if lobes == 1 else 46
        middle = (round(180 + away * np.cos(angle)), round(180 + away * np.sin(angle)))
        cv2.circle(big, middle, 62 if lobes == 1 else 30, NUCLEUS, -1)
    return cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)


def named(crop: np.ndarray) -> dict[str, float]:
    found = describe_cell(crop)
    assert tuple(found) == FEATURES
    assert all(np.isfinite(value) for value in found.values())
    return found


def test_areas_are_in_red_cells() -> None:
    found = named(drawn())
    assert found["nucleus area"] == pytest.approx(np.pi * (62 / 120) ** 2, rel=0.15)
    assert found["cell area"] == pytest.approx(np.pi * (88 / 120) ** 2, rel=0.15)
    assert found["nucleus share"] == pytest.approx((62 / 88) ** 2, rel=0.2)
    assert found["nucleus solidity"] > 0.9


def test_lobes_are_counted() -> None:
    assert [named(drawn(lobes=n))["lobes"] for n in (1, 3)] == [1.0, 3.0]


def test_a_red_cell_that_touches_does_not_belong_to_the_cell() -> None:
    alone, touched = (outline_cell(drawn(neighbour=n)).cell.sum() for n in (False, True))
    assert touched == pytest.approx(alone, rel=0.15)


def test_magnification_and_turning_hardly_matter() -> None:
    first = named(drawn(90, lobes=3))
    for other in (named(drawn(180, lobes=3)), named(np.ascontiguousarray(np.rot90(drawn(90, lobes=3))))):
        for name in ("nucleus area", "cell area", "nucleus density g", "plasm a", "nucleus homogeneity 1"):
            assert other[name] == pytest.approx(first[name], rel=0.15), name


def test_colour_of_the_cytoplasm_is_told_apart() -> None:
    blue, pink = named(drawn(plasm=(235, 175, 165))), named(drawn(plasm=(175, 165, 235)))
    assert pink["plasm a"] > blue["plasm a"] + 3


def test_granules_make_texture() -> None:
    crop = drawn(180)
    grains = np.random.default_rng(0).integers(-60, 60, (60, 60)).repeat(3, 0).repeat(3, 1).astype(np.int16)
    rough = np.clip(crop.astype(np.int16) + grains[..., None] * (crop[..., 1:2] < 230), 0, 255).astype(np.uint8)
    assert named(rough)["plasm contrast 1"] > 1.5 * named(crop)["plasm contrast 1"]


@pytest.mark.parametrize("level", [0, 128, 240])
def test_an_empty_crop_has_no_cell(level: int) -> None:
    named(np.full((64, 64, 3), level, np.uint8))
    assert not outline_cell(np.full((64, 64, 3), 240, np.uint8)).cell.any()


def test_many_at_once_take_rgb() -> None:
    crops = np.stack([drawn(64), drawn(64, lobes=3)])
    rows = describe_cells(crops[..., ::-1])
    assert rows.shape == (2, len(FEATURES))
    assert rows[1] == pytest.approx(list(named(crops[1]).values()))
    assert describe_cells(crops[:0]).shape[0] == 0
