"""The ledger: what was seen before is not counted again, and what the border cuts waits."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.aperture import Aperture
from hemato_edge.counting.ledger import Ledger
from hemato_edge.counting.mapping.rotation import rotated
from hemato_edge.counting.mapping.slide_map import Move
from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_edge.values import Detections, Pose

RED = 60.0
SIZE = (640, 480)
WHOLE = Aperture.whole(*SIZE)


def cells(*places: tuple[float, float], kind: int = WBC, side: float = 80.0, score: float = 1.0) -> Detections:
    centres = np.array(places, np.float32).reshape(-1, 2)
    boxes = np.hstack([centres - side / 2, centres + side / 2]).astype(np.float32)
    return Detections(boxes, np.full(len(boxes), kind, np.int8), np.full(len(boxes), score, np.float32))


def new(ledger: Ledger, detections: Detections, pose: Pose | None, kind: int = WBC) -> int:
    return len(ledger.admit(detections, pose, RED, WHOLE).counted[kind])


def at(x: float, y: float = 0.0, region: int = 0) -> Pose:
    return Pose(region, x, y, 1.0)


def test_a_still_slide_never_grows_the_count() -> None:
    ledger, noise = Ledger(), np.random.default_rng(1)
    found = 0
    for _ in range(500):
        shake = noise.normal(0, 2, 2)
        found += new(ledger, cells((200 + shake[0], 200 + shake[1])), at(0))
    assert found == 1


def test_a_cell_is_known_when_the_stage_moved() -> None:
    ledger = Ledger()
    assert new(ledger, cells((500, 200)), at(0)) == 1
    assert new(ledger, cells((300, 200), (550, 200)), at(200)) == 1
    assert ledger.known == [2, 0, 0]


def test_coming_back_does_not_count_again() -> None:
    ledger = Ledger()
    path = [*range(0, 3000, 150), *range(3000, -1, -150)]
    found = 0
    for x in path:
        visible = [(place - x, 240.0) for place in range(100, 3400, 400) if 60 < place - x < 580]
        found += new(ledger, cells(*visible), at(x))
    assert found == len({place for place in range(100, 3400, 400) for x in path if 60 < place - x < 580})


def test_a_cell_cut_by_the_border_waits_until_it_is_whole() -> None:
    ledger = Ledger()
    cut = ledger.admit(cells((620, 200)), at(0), RED, WHOLE)
    assert not cut.counted[WBC]
    assert list(cut.waiting) == [0]
    assert new(ledger, cells((420, 200)), at(200)) == 1


def test_a_field_of_its_own_counts_all_its_cells_and_knows_nobody() -> None:
    ledger = Ledger()
    for _ in range(3):
        assert new(ledger, cells((620, 200), (100, 100)), None) == 2
    assert ledger.known == [6, 0, 0]


def test_kinds_and_regions_are_kept_apart() -> None:
    ledger = Ledger()
    three = [cells((200, 200)), cells((200, 200), kind=RBC, side=40), cells((200, 200), kind=PLATELET, side=12)]
    seen = Detections(*(np.concatenate([getattr(d, n) for d in three]) for n in ("boxes", "kinds", "scores")))
    admission = ledger.admit(seen, at(0), RED, WHOLE)
    assert [len(cells) for cells in admission.counted] == [1, 1, 1]
    assert new(ledger, cells((200, 200)), at(0, region=1)) == 1


def test_a_cell_that_is_now_white_and_now_red_counts_once() -> None:
    ledger = Ledger()
    for kind in (WBC, RBC, WBC, RBC, WBC, WBC):
        ledger.admit(cells((200, 200), kind=kind, score=0.7), at(0), RED, WHOLE)
    assert ledger.known == [1, 0, 0]


def test_neighbours_are_two_cells() -> None:
    ledger = Ledger()
    assert new(ledger, cells((200, 200), (200 + 0.9 * RED, 200)), at(0)) == 2
    close = cells((300, 300), (300 + 0.35 * RED, 300), kind=PLATELET, side=12)
    assert new(Ledger(), close, at(0), PLATELET) == 2


def test_slow_drift_of_the_tracking_is_followed() -> None:
    ledger = Ledger()
    assert sum(new(ledger, cells((200 + 2 * i, 200)), at(0)) for i in range(100)) == 1


def test_flicker_does_not_count() -> None:
    """Things that the locator sees in one frame of ten on a still slide, at thirty places."""
    ledger, chance = Ledger(), np.random.default_rng(3)
    places = [(60 + 90 * (i % 6), 60 + 90 * (i // 6)) for i in range(30)]
    for _ in range(400):
        seen = [place for place in places if chance.random() < 0.1]
        ledger.admit(cells(*seen, score=0.7), at(0), RED, WHOLE)
    assert sum(ledger.known) <= 3


def test_a_cell_that_is_mostly_seen_counts_and_counts_soon() -> None:
    ledger, chance = Ledger(), np.random.default_rng(4)
    places = [(60 + 100 * (i % 6), 60 + 100 * (i // 6)) for i in range(24)]
    counts = []
    for _ in range(100):
        seen = [place for place in places if chance.random() < 0.8]
        ledger.admit(cells(*seen, score=0.7), at(0), RED, WHOLE)
        counts.append(ledger.known[WBC])
    assert counts[-1] == 24
    assert counts[5] >= 22


@pytest.mark.parametrize(("score", "counted"), [(0.9, 1), (0.5, 0)])
def test_one_look_of_a_fast_scan_decides_by_the_score(score: float, counted: int) -> None:
    ledger = Ledger()
    assert new(ledger, cells((200, 200), score=score), at(0)) == 0
    assert new(ledger, Detections.empty(), at(500)) == counted
    assert ledger.known[WBC] == counted


def test_a_cell_that_left_undecided_is_tried_again_when_it_comes_back() -> None:
    ledger = Ledger()
    for x in (0, 500, 0, 0):
        ledger.admit(cells((200, 200), score=0.5) if x == 0 else Detections.empty(), at(x), RED, WHOLE)
    assert ledger.known[WBC] == 1


def test_what_was_refused_on_poor_looks_is_tried_anew_on_a_much_better_one() -> None:
    ledger, found = Ledger(), 0
    poor = cells((300, 200), side=72, score=0.5)
    nothing = cells()
    for shown in (nothing, poor, nothing, nothing, nothing, nothing, nothing):
        found += new(ledger, shown, at(0))
    assert found == 0
    found += sum(new(ledger, cells((300, 205), side=72, score=0.55), at(0)) for _ in range(10))
    assert found == 0  # no better than what was refused
    found += sum(new(ledger, cells((300, 205), side=120, score=0.8), at(0)) for _ in range(3))
    assert found == 1
    assert ledger.known == [1, 0, 0]


def test_a_cell_on_trial_that_the_border_cuts_keeps_no_view_from_being_known() -> None:
    ledger = Ledger()
    ledger.admit(cells((597, 200), kind=RBC, score=0.5), at(6), RED, WHOLE)  # whole once, by a hair
    for _ in range(6):
        ledger.admit(cells((603, 200), kind=RBC, score=0.5), at(0), RED, WHOLE)
    assert ledger.is_exhausted(at(0), WHOLE)
    assert new(ledger, cells((303, 200), kind=RBC, score=0.5), at(300), RBC) == 1


def test_what_is_on_trial_at_the_end_is_decided() -> None:
    ledger = Ledger()
    ledger.admit(cells((200, 200), (400, 300), score=0.8), at(0), RED, WHOLE)
    assert len(ledger.close().counted[WBC]) == 2


def test_a_region_that_lies_on_known_ground_is_joined_without_counting_again() -> None:
    ledger = Ledger()
    ledger.admit(cells((200, 200), (400, 300)), at(0), RED, WHOLE)
    ledger.admit(cells((100, 200), (300, 300), (500, 100)), at(0, region=1), RED, WHOLE)
    assert ledger.known[WBC] == 5
    area = ledger.coverage.area_px2[WBC]
    twins = ledger.join(1, 0, 100.0, 0.0, RED)
    assert [pair.doubled for pair in twins] == [True, True]
    assert all(abs(pair.gone.x - pair.kept.x) < 1 for pair in twins)
    assert ledger.known[WBC] == 3
    assert ledger.coverage.area_px2[WBC] < 0.8 * area
    assert new(ledger, cells((200, 200), (400, 300)), at(0)) == 0
    assert new(ledger, cells((500, 100)), at(100)) == 0


def test_cells_move_along_when_the_map_is_put_right() -> None:
    ledger = Ledger()
    ledger.admit(cells((200, 200)), at(1000), RED, WHOLE)
    ledger.admit(cells((200, 200)), at(5000), RED, WHOLE)
    ledger.move([Move(0, 1000, 0, 0, 80), Move(0, 5000, 0, 0, 300)])
    assert new(ledger, cells((200, 280)), at(1000)) == 0
    assert new(ledger, cells((200, 200)), at(5000, 300)) == 0


def test_a_slide_that_turns_grows_no_count() -> None:
    """Cells at the corners, seen by frames that are turned by up to 4°; the poses know the angle."""
    ledger = Ledger()
    places = np.array([(80.0, 80.0), (560, 80), (80, 400), (560, 400), (320, 240)])
    for angle in 4 * np.sin(np.arange(80) / 8):
        pose = Pose(0, 0.0, 0.0, 1.0, float(angle))
        for kind, side in ((PLATELET, 12.0), (RBC, 50.0)):
            offset = 20.0 * kind
            ledger.admit(cells(*pose.in_frame(places + offset, SIZE).tolist(), kind=kind, side=side), pose, RED, WHOLE)
    assert ledger.known == [0, 5, 5]


def test_the_corners_that_a_turned_frame_does_not_show_were_not_looked_at() -> None:
    ledger = Ledger()
    for _ in range(8):
        ledger.admit(Detections.empty(), Pose(0, 0.0, 0.0, 1.0, 4.0), RED, WHOLE)
    looks = {corner: ledger.coverage.looks_at(0, PLATELET, *corner) for corner in [(25, 460), (40, 25), (320, 240)]}
    assert looks == {(25, 460): 8, (40, 25): 0, (320, 240): 8} or looks == {(25, 460): 0, (40, 25): 8, (320, 240): 8}
    assert ledger.coverage.area_px2[PLATELET] == pytest.approx((640 - 0.5 * RED) * (480 - 0.5 * RED), rel=0.03)


def test_a_turned_region_is_joined_turned_back() -> None:
    ledger = Ledger()
    ledger.admit(cells((200, 200), (400, 300)), at(0), RED, WHOLE)
    turned = [rotated(x - 100, y, -3.0) for x, y in ((200, 200), (400, 300))]
    ledger.admit(cells(*turned), at(0, region=1), RED, WHOLE)
    assert len(ledger.join(1, 0, 100.0, 0.0, RED, 3.0)) == 2
    assert ledger.known[WBC] == 2


def test_memory_is_bounded_and_what_was_forgotten_is_told() -> None:
    ledger = Ledger(max_tiles=60)
    spots = [(60 + 90 * (i % 6), 60 + 90 * (i // 6)) for i in range(24)]
    sizes = []
    for x in range(0, 200 * 560, 560):
        ledger.admit(cells(*spots, kind=RBC, side=50), at(x), RED, WHOLE)
        sizes.append(len(ledger))
    assert ledger.known[RBC] == 200 * 24
    assert max(sizes) <= 60 * 64
    assert max(sizes[100:]) <= max(sizes[:100])
    assert ledger.forgotten > 0
    area = (SIZE[0] - 2 * 0.55 * RED) * (SIZE[1] - 2 * 0.55 * RED)
    assert ledger.coverage.area_px2[RBC] == pytest.approx(200 * 0.97 * area, rel=0.1)


def test_red_cells_by_unique_area_do_not_depend_on_how_often_one_looks() -> None:
    once, often = Ledger(), Ledger()
    once.admit(cells((200, 200)), at(0), RED, WHOLE)
    for x in range(0, 100, 5):
        often.admit(cells((200 - x, 200)), at(x), RED, WHOLE)
    assert often.coverage.area_px2[RBC] == pytest.approx(once.coverage.area_px2[RBC] * (574 + 95) / 574, rel=0.05)


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
    assert WHOLE.cuts(np.array([box], np.float32)).tolist() == [cut]


def test_an_empty_field_is_no_problem() -> None:
    admission = Ledger().admit(Detections.empty(), at(0), RED, WHOLE)
    assert not any(admission.counted)


def test_only_the_new_part_of_a_view_is_undecided() -> None:
    ledger, nothing = Ledger(), Detections.empty()
    assert ledger.undecided_part(at(0), WHOLE, RED) is None  # nothing is known yet: all of it
    for _ in range(6):
        ledger.admit(nothing, at(0), RED, WHOLE)
    part = ledger.undecided_part(at(100), WHOLE, RED)
    assert part is not None
    x0, y0, x1, y1 = part
    assert (y0, x1, y1) == (0, 640, 480)
    assert 0 < x0 <= 540 - 1.1 * RED - 2 * RED  # what was too near to the border to be whole, and room for a large cell


def test_a_cell_on_trial_is_undecided_wherever_it_lies() -> None:
    ledger = Ledger()
    for _ in range(6):
        ledger.admit(Detections.empty(), at(0), RED, WHOLE)
    ledger.admit(cells((120, 120), side=150, score=0.5), at(0), RED, WHOLE)  # too large for looks to speak against it
    part = ledger.undecided_part(at(0), WHOLE, RED)
    assert part is not None
    assert part[:2] == (0, 0)
    assert max(part[2:]) < 340
    turned = Pose(0, 0.0, 0.0, 1.0, 2.0)
    assert ledger.undecided_part(turned, WHOLE, RED) is None
