"""Central pallor of drawn cells whose pale middle is known."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.labels import RBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.red_cells.outlines import look_at_red_cells

GLASS, RIM, ABSORBED = 230.0, 130.0, np.log(231 / 131)


def pallor_drawn(profile: np.ndarray, diameter: float = 60.0, squeezed: float = 1.0) -> float:
    """The pallor measured in a cell whose absorbance, by the rim's, goes along relative radii as in `profile`."""
    ys, xs = np.mgrid[0:120, 0:120] - 60.0
    radius = np.hypot(xs, ys / squeezed) / (diameter / 2)
    absorbed = np.interp(radius, np.linspace(0, 1, len(profile)), profile) * np.clip((1 - radius) * 15 + 0.5, 0, 1)
    green = (GLASS + 1) * np.exp(-ABSORBED * absorbed) - 1
    picture = np.repeat(green.round().astype(np.uint8)[..., None], 3, axis=2)
    half = diameter / 2
    box = np.array([[60 - half, 60 - half * squeezed, 60 + half, 60 + half * squeezed]], np.float32)
    found = Detections(box, np.array([RBC], np.int8), np.ones(1, np.float32))
    look = look_at_red_cells(FieldView(picture, background=np.full(3, GLASS)), found)
    assert len(look) == 1
    return float(look.pallor[0])


def bowl(middle: float, width: float) -> np.ndarray:
    """Absorbance that is `middle` within a relative radius of `width`, and 1 outside, with a soft edge."""
    radii = np.linspace(0, 1, 101)
    return middle + (1 - middle) / (1 + np.exp(-(radii - width) / 0.03))


@pytest.mark.parametrize("width", [0.25, 0.4, 0.6])
@pytest.mark.parametrize("squeezed", [1.0, 0.8])
def test_the_pale_middle_is_as_wide_as_drawn(width: float, squeezed: float) -> None:
    assert pallor_drawn(bowl(0.4, width), squeezed=squeezed) == pytest.approx(width, abs=0.04)


def test_a_flat_cell_and_a_target_cell_have_none() -> None:
    assert pallor_drawn(np.ones(101)) == 0.0
    target = bowl(0.3, 0.6)
    target[:30] = 0.9
    assert pallor_drawn(target) == 0.0


def test_how_deep_the_pallor_is_does_not_change_its_width() -> None:
    widths = [pallor_drawn(bowl(middle, 0.45)) for middle in (0.1, 0.4, 0.7)]
    assert max(widths) - min(widths) < 0.03
