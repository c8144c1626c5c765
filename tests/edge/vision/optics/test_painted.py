"""Boxes that a program has painted into a picture are found, and nothing is taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from obstructed import LOGO_BOX, logo

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.vision.optics.glance import rough_glass
from hemato_edge.vision.optics.painted import box_of, find_painted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("colour", [(180, 90, 20), (20, 90, 180), (60, 160, 60)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_logo_is_found_with_its_letters(seed: int, colour: tuple[int, int, int]) -> None:
    image = logo(colour)(draw_field(seed)[0], 0)
    found = find_painted(image, rough_glass(image))
    assert found is not None
    assert found[12 : 12 + LOGO_BOX[1], 470:628].all()
    assert found.mean() < 1.3 * LOGO_BOX[0] * LOGO_BOX[1] / found.size


def test_a_plain_field_has_none() -> None:
    for seed in range(12):
        image = draw_field(seed)[0]
        assert find_painted(image, rough_glass(image)) is None


def test_a_disc_is_no_box() -> None:
    image = np.full((120, 160, 3), 220, np.uint8)
    cv2.circle(image, (60, 60), 30, (150, 60, 90), -1)
    assert box_of(image, np.array([150.0, 60.0, 90.0])) is None
    cv2.rectangle(image, (100, 20), (140, 50), (150, 60, 90), -1)
    assert box_of(image, np.array([150.0, 60.0, 90.0])) == (100, 20, 41, 31)


def test_real_fields_have_none(shared_data: Path) -> None:
    fields = [cv2.imread(str(path)) for path in sorted((shared_data / "bccd" / "images").glob("*.jpg"))[::20]]
    assert all(find_painted(field, rough_glass(field)) is None for field in fields if field is not None)
