"""Giant platelets and clumps, from boxes."""

from __future__ import annotations

import numpy as np

from hemato_edge.labels import PLATELET, RBC
from hemato_edge.values import Detections
from hemato_edge.vision.red_cells.platelets import clumped_platelets, giant_platelets

RED = 40.0


def placed(*cells: tuple[float, float, float, int]) -> Detections:
    """Detections of (x, y, side, kind)."""
    boxes = np.array([(x, y, x + side, y + side) for x, y, side, _ in cells], np.float32).reshape(-1, 4)
    kinds = np.array([kind for *_, kind in cells], np.int8)
    return Detections(boxes, kinds, np.ones(len(cells), np.float32))


def test_a_platelet_larger_than_a_red_cell_is_giant() -> None:
    found = placed((0, 0, 41, PLATELET), (100, 0, 39, PLATELET), (200, 0, 60, RBC))
    assert giant_platelets(found, RED).tolist() == [True, False, False]


def test_three_that_lie_together_are_a_clump_and_two_are_not() -> None:
    chain = [(100.0 + 15 * i, 100.0, 12.0, PLATELET) for i in range(3)]
    pair = [(300.0, 300.0, 12.0, PLATELET), (315.0, 300.0, 12.0, PLATELET)]
    found = placed(*chain, *pair, (500, 500, 12, PLATELET))
    assert clumped_platelets(found, RED).tolist() == [True] * 3 + [False] * 3


def test_a_red_cell_between_them_joins_no_platelets() -> None:
    found = placed((0, 0, 12, PLATELET), (13, 0, 40, RBC), (54, 0, 12, PLATELET), (67, 0, 12, PLATELET))
    assert not clumped_platelets(found, RED).any()


def test_without_platelets_there_is_neither() -> None:
    for found in (Detections.empty(), placed((0, 0, 60, RBC))):
        assert not giant_platelets(found, RED).any()
        assert not clumped_platelets(found, RED).any()
