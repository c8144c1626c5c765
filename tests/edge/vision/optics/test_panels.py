"""Translucent panels that a program lays over a picture are found to the pixel, and nothing is taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from obstructed import Obstruction, panel, reticle, scale_bar, stripe, through_jpeg

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.vision.optics.panels import find_panels

if TYPE_CHECKING:
    from pathlib import Path


BOXES = [(41, 60, 230, 44), (380, 333, 120, 90), (0, 0, 170, 61), (500, 100, 60, 210)]
COLOURS = [(0, 0, 0), (128, 128, 128), (60, 40, 20)]


def is_right(found: np.ndarray | None, box: tuple[int, int, int, int]) -> bool:
    """Whether all of a box is found, and hardly more."""
    x, y, width, height = box
    if found is None or not found[y : y + height, x : x + width].all():
        return False
    return bool(found.sum() < (width + 4) * (height + 4))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_most_panels_are_found_to_the_pixel(seed: int) -> None:
    """Cells that lie along all of a side may hide it."""
    field = draw_field(seed)[0]
    right = [is_right(find_panels(panel(box, 0.5, one, "MENU")(field, 0)), box) for box in BOXES for one in COLOURS]
    assert sum(right) >= 0.75 * len(right)


@pytest.mark.parametrize("opaque", [0.3, 0.6])
def test_a_panel_is_found_through_a_jpeg(opaque: float) -> None:
    field = draw_field(4)[0]
    found = find_panels(through_jpeg(60)(panel((200, 120, 180, 70), opaque)(field, 0), 0))
    assert found is not None
    assert found[120:190, 200:380].all()


def test_a_panel_is_found_in_a_large_picture() -> None:
    field = cv2.resize(draw_field(5)[0], (2560, 1920), interpolation=cv2.INTER_CUBIC)
    found = find_panels(panel((800, 500, 700, 280), 0.4)(np.asarray(field, np.uint8), 0))
    assert found is not None
    assert found[500:780, 800:1500].all()
    assert found.sum() < 740 * 320


def test_a_plain_field_has_none() -> None:
    assert all(find_panels(draw_field(seed)[0]) is None for seed in range(12))


@pytest.mark.parametrize(
    "lines", [reticle(4), scale_bar((0, 0, 0)), stripe(400, 6, (0, 0, 0)), stripe(70, 9, (90, 60, 120))]
)
def test_what_lines_enclose_is_no_panel(lines: Obstruction) -> None:
    assert all(find_panels(lines(draw_field(seed)[0], 0)) is None for seed in (0, 1, 2, 3, 9))


@pytest.mark.parametrize("share", [1.0, 0.97])
def test_a_rectangle_that_keeps_its_contrast_is_none(share: float) -> None:
    """A tile of a stitched picture, or one whose lamp was brighter."""
    field = draw_field(6)[0]
    field[100:200, 100:300] = (draw_field(7)[0][100:200, 100:300] * share).astype(np.uint8)
    assert find_panels(field) is None


def test_real_fields_have_none(shared_data: Path) -> None:
    fields = [cv2.imread(str(path)) for path in sorted((shared_data / "bccd" / "images").glob("*.jpg"))[1::20]]
    assert all(find_panels(np.asarray(field)) is None for field in fields if field is not None)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (11, 300), (20, 20), (300, 29)])
def test_a_picture_too_small_for_a_panel_has_none(size: tuple[int, int]) -> None:
    assert find_panels(np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)) is None
