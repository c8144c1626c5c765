"""The ledger: what was seen before is not counted again, and what the border cuts waits."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.counting.ledger import Ledger, touches_border
from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_edge.values import Detections, Pose

RED = 60.0
SIZE = (640, 480)


def cells(*places: tuple[float, float], kind: int = WBC, side: float = 80.0) -> Detections:
    centres = np.array(places, np.float32).reshape(-1, 2)
    boxes = np.hstack([centres - side / 2, centres + side / 2]).astype(np.float32)
    return Detections(boxes, np.full(len(boxes), kind, np.int8), np.ones(len(boxes), np.float32))


def at(x: float, y: float = 0.0, region: int = 0) -> Pose:
    return Pose(region, x, y, 1.0)


def test_a_still_slide_never_grows_the_count() -> None:
    ledger, noise = Ledger(), np.random.default_rng(1)
    found = 0
    for _ in range(500):
        shake = noise.normal(0, 2, 2)
        found += len(ledger.admit(cells((200 + shake[0], 200 + shake[1])), at(0), RED, SIZE).white)
    assert found == 1


def test_a_cell_is_known_when_the_stage_moved() -> None:
    ledger = Ledger()
    assert list(ledger.admit(cells((500, 200)), at(0), RED, SIZE).white) == [0]
    assert list(ledger.admit(cells((300, 200), (550, 200)), at(200), RED, SIZE).white) == [1]
    assert ledger.known == [2, 0, 0]


def test_coming_back_does_not_count_again() -> None:
    ledger = Ledger()
    path = [*range(0, 3000, 150), *range(3000, -1, -150)]
    found = 0
    for x in path:
        visible = [(place - x, 240.0) for place in range(100, 3400, 400) if 60 < place - x < 580]
        found += len(ledger.admit(cells(*visible), at(x), RED, SIZE).white)
    assert found == len(ledger_truth(path))


def ledger_truth(path: list[int]) -> set[int]:
    return {place for place in range(100, 3400, 400) for x in path if 60 < place - x < 580}


def test_a_cell_cut_by_the_border_waits_until_it_is_whole() -> None:
    ledger = Ledger()
    cut = ledger.admit(cells((620, 200)), at(0), RED, SIZE)
    assert len(cut.white) == 0
    assert list(cut.waiting) == [0]
    assert len(ledger.admit(cells((420, 200)), at(200), RED, SIZE).white) == 1


def test_a_field_of_its_own_counts_all_its_cells_and_knows_nobody() -> None:
    ledger = Ledger()
    for _ in range(3):
        assert len(ledger.admit(cells((620, 200), (100, 100)), None, RED, SIZE).white) == 2
    assert ledger.known == [6, 0, 0]


def test_kinds_and_regions_are_kept_apart() -> None:
    ledger = Ledger()
    assert len(ledger.admit(cells((200, 200)), at(0), RED, SIZE).white) == 1
    assert len(ledger.admit(cells((200, 200), kind=RBC), at(0), RED, SIZE).red) == 1
    assert len(ledger.admit(cells((200, 200), kind=PLATELET, side=12), at(0), RED, SIZE).platelets) == 1
    assert len(ledger.admit(cells((200, 200)), at(0, region=1), RED, SIZE).white) == 1


def test_neighbours_are_two_cells() -> None:
    ledger = Ledger()
    assert len(ledger.admit(cells((200, 200), (200 + 0.9 * RED, 200)), at(0), RED, SIZE).white) == 2
    close = cells((300, 300), (300 + 0.35 * RED, 300), kind=PLATELET, side=12)
    assert len(ledger.admit(close, at(0), RED, SIZE).platelets) == 2


def test_slow_drift_of_the_tracking_is_followed() -> None:
    ledger = Ledger()
    found = sum(len(ledger.admit(cells((200 + 2 * i, 200)), at(0), RED, SIZE).white) for i in range(100))
    assert found == 1


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((0, 100, 50, 150), True),
        ((100, 1, 150, 50), True),
        ((600, 100, 639.5, 150), True),
        ((100, 440, 150, 480), True),
        ((2, 2, 637, 477), False),
    ],
)
def test_touches_border(box: tuple[float, ...], cut: bool) -> None:
    assert touches_border(np.array([box], np.float32), SIZE).tolist() == [cut]


def test_an_empty_field_is_no_problem() -> None:
    new = Ledger().admit(Detections.empty(), at(0), RED, SIZE)
    assert len(new.white) == len(new.red) == len(new.platelets) == 0
