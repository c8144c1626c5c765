"""A red cell's shape in numbers: the same however it lies, at any scale and stain."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.labels import RBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.red_cells.outlines import look_at_red_cells
from hemato_edge.vision.red_cells.shape_features import NAMES, shape_features

GLASS = 230.0


def drawn(
    turn: float = 0.0, size: float = 60.0, depth: float = 0.55, longer: float = 1.5, dark: float = 0.0
) -> FieldView:
    """An oval cell with a pale middle, `dark` in its centre, turned by so many degrees."""
    side = int(2 * size)
    ys, xs = np.mgrid[0:side, 0:side] - side / 2
    angle = np.radians(turn)
    along, across = xs * np.cos(angle) + ys * np.sin(angle), ys * np.cos(angle) - xs * np.sin(angle)
    radius = np.hypot(along / longer, across) / (size / 2 / longer**0.5)
    absorbed = depth * (0.5 + 0.5 / (1 + np.exp(-(radius - 0.45) / 0.05)) + dark * (radius < 0.2))
    absorbed *= np.clip((1 - radius) * size / 4 + 0.5, 0, 1)
    green = ((GLASS + 1) * np.exp(-absorbed) - 1).round().astype(np.uint8)
    return FieldView(np.repeat(green[..., None], 3, axis=2), background=np.full(3, GLASS))


def numbers(view: FieldView, size: float = 60.0) -> dict[str, float]:
    height, width = view.shape[:2]
    box = np.array(
        [[width / 2 - size / 2, height / 2 - size / 2, width / 2 + size / 2, height / 2 + size / 2]], np.float32
    )
    look = look_at_red_cells(view, Detections(box, np.array([RBC], np.int8), np.ones(1, np.float32)))
    (found,) = shape_features(view, list(look.alone.values()), size)
    return dict(zip(NAMES, found.tolist(), strict=True))


@pytest.mark.parametrize(
    "other",
    [{"turn": 37.0}, {"turn": 90.0}, {"size": 90.0}, {"depth": 0.3}],
    ids=["turned", "upright", "larger", "paler"],
)
def test_turning_scale_and_stain_change_little(other: dict[str, float]) -> None:
    one, two = numbers(drawn()), numbers(drawn(**other), other.get("size", 60.0))
    changed = {name: (one[name], two[name]) for name in NAMES if abs(one[name] - two[name]) > 0.06}
    assert set(changed) <= {"radius_skew"}


def test_each_shape_shows_in_its_own_number() -> None:
    assert numbers(drawn(longer=1.5))["length_by_width"] == pytest.approx(1.5, abs=0.07)
    round_cell, target = numbers(drawn(longer=1.0)), numbers(drawn(longer=1.0, dark=0.5))
    assert round_cell["length_by_width"] == pytest.approx(1, abs=0.05)
    assert round_cell["middle_by_palest"] < 0.05
    assert target["middle_by_palest"] > 0.2


def test_without_cells_there_are_none() -> None:
    assert shape_features(drawn(), [], 60.0).shape == (0, len(NAMES))
