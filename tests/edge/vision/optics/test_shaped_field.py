"""Where a convex field that is no circle ends, and how its light fades."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from obstructed import convex, ellipse, turned

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.rim_light import outwards
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.field_of_view import find_aperture
from hemato_edge.vision.optics.round_field import SHAPE
from hemato_edge.vision.optics.shaped_field import shaped_edge

FIELD = draw_field(2)[0]


@pytest.mark.parametrize(("soft", "sharp"), [(1.5, True), (3.0, False)])
def test_it_is_measured_to_the_pixel(soft: float, sharp: bool) -> None:
    outline = turned(12, 0.7)
    picture = convex(outline, soft=soft)(FIELD, 0)
    hull = cv2.resize(outline(FIELD.shape).astype(np.uint8), (240, 180), interpolation=cv2.INTER_NEAREST) > 0
    shown, retreat, light = shaped_edge(picture, hull, picture.max(axis=2).astype(np.float32), 220.0)
    assert np.mean(shown != outline(FIELD.shape)) < (0.008 if sharp else 0.012)
    assert abs(retreat) <= 1.5
    assert (light is None) == sharp
    assert light is None or len(light.outline) >= 4


def test_its_light_is_brought_back() -> None:
    seen = convex(ellipse((0.5, 0.4), 20), soft=6.0)(FIELD, 0)
    found = find_aperture(seen).aperture
    assert found.kinds == (SHAPE,)
    plain = found.window(FIELD).astype(int)
    dim = ~found.hidden & (np.abs(found.window(seen).astype(int) - plain).max(axis=2) > 30)
    assert dim.sum() > 1000
    assert np.median(np.abs(FieldView(seen, found).picture[dim].astype(int) - plain[dim])) < 8


def test_distances_go_outwards_from_the_outline() -> None:
    far = outwards([(10.0, -5.0), (30.0, -5.0), (30.0, 30.0), (10.0, 30.0)], (50, 20))
    assert far[10, [5, 9, 10, 20, 30, 31, 40]] == pytest.approx([4.5, 0.5, -0.5, -10.5, -0.5, 0.5, 9.5])
    assert far[0, 20] == pytest.approx(-5.5)  # above, the outline leaves the picture
