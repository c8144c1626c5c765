"""The light that fades at a round field's rim is divided out, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from obstructed import Obstruction, disc, eyepiece, noise, then, through_jpeg

from hemato_edge.aperture import Aperture
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.rim_light import RimLight
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.field_of_view import find_aperture

FIELD = draw_field(2)[0]


@pytest.mark.parametrize(
    "obstruct",
    [
        eyepiece(soft=8.0),
        eyepiece((0.42, 0.55), 0.5, soft=5.0, colour=(10, 20, 35)),
        eyepiece((0.35, 0.6), 0.62, soft=4.0, colour=(3, 3, 6)),
        then(eyepiece(soft=8.0), through_jpeg(60)),
        then(eyepiece(soft=8.0, colour=(15, 15, 15)), noise(4)),
    ],
)
def test_a_cell_at_a_soft_rim_looks_as_without(obstruct: Obstruction) -> None:
    seen = obstruct(FIELD, 0)
    found = find_aperture(seen).aperture
    view = FieldView(seen, found)
    plain = found.window(FIELD).astype(int)
    assert found.hidden is not None
    ring = ~found.hidden & (np.abs(found.window(seen).astype(int) - plain).max(axis=2) > 30)
    assert ring.sum() > 1000
    assert np.median(np.abs(view.picture[ring].astype(int) - plain[ring])) < 8


def test_nothing_else_changes() -> None:
    shown = disc((200, 200), (0.5, 0.5), 0.45)
    light = RimLight((100.0, 100.0), 80.0, ((1.0, 1.0, 1.0), (0.8, 0.9, 1.0), (0.5, 0.6, 0.5)), (10.0, 0.0, 0.0))
    aperture = Aperture((200, 200), (0, 0, 200, 200), ~shown, None, ("round",), 0.0, light)
    frame = np.full((200, 200, 3), 100, np.uint8)
    painted = aperture.painted(frame, np.array([200.0, 210.0, 220.0]))
    assert (painted[disc((200, 200), (0.5, 0.5), 0.395)] == 100).all()
    assert painted[100, 181].tolist() == [122, 111, 100]  # (100 - 10) / 0.8 + 10, of a channel each
    assert painted[100, 185].tolist() == [190, 167, 200]
    assert painted[0, 0].tolist() == [200, 210, 220]
    assert (frame == 100).all()
    assert not aperture.slide_at((200, 200))[100, 185]
    assert light.moved(-5, 7).middle == (95.0, 107.0)
