"""Packed tiles: what is known of the slide is the same, packed or not, and takes a fraction of the memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from hemato_edge.aperture import Aperture
from hemato_edge.counting import packed_tiles
from hemato_edge.counting.confirmation import COUNTED, KnownCell
from hemato_edge.counting.ledger import Ledger
from hemato_edge.counting.mapping.slide_map import Move
from hemato_edge.counting.packed_tiles import CellTiles, PackedTiles
from hemato_edge.labels import RBC, WBC
from hemato_edge.values import Detections, Pose

RED = 60.0
WHOLE = Aperture.whole(640, 480)
NO_LIMIT = 10**6


def cell(number: int) -> KnownCell:
    share = number / 7
    return KnownCell(
        *(number, RBC, 2 * share, 3 * share, 4 * share, 5 * share),
        *(COUNTED, 2, 3, [0, 2, 0], 1, number, "neutrophil"),
    )


def walk(open_tiles: int, cells: int, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """All that a ledger says on a walk there and back over flickering cells, with a join and a correction."""
    monkeypatch.setattr(packed_tiles, "OPEN_TILES", open_tiles)
    ledger, chance = Ledger(max_tiles=40), np.random.default_rng(cells)
    slide = chance.uniform(0, (6000, 480), (cells, 2))
    kinds = chance.integers(0, 3, len(slide)).astype(np.int8)
    steps = [*range(0, 5400, 70), *range(5400, -1, -210), *range(0, 5400, 110)]
    said: list[object] = []
    named: list[KnownCell] = []
    for i, x in enumerate(steps):
        seen = slide - (x, 0) + chance.normal(0, 1, slide.shape)
        inside = (seen[:, 0] > 0) & (seen[:, 0] < 640) & (chance.uniform(size=len(slide)) < 0.4)
        half = np.choose(kinds[inside], [40.0, 25.0, 6.0])[:, None]
        boxes = np.hstack([seen[inside] - half, seen[inside] + half]).astype(np.float32)
        scores = chance.uniform(0.3, 1, len(boxes)).astype(np.float32)
        pose = Pose(int(40 <= i < 70), float(x), 0.0, 1.0)
        found = ledger.admit(Detections(boxes, kinds[inside], scores), pose, RED, WHOLE)
        # as `label_voting`: what is no longer seen gets its name at once, the others may wait for another frame
        left = [one for one in found.counted[WBC] if one not in found.cells]
        for one in (*named, *left):
            one.record, one.label = one.number, f"class {one.number % 5}"
        named = [one for one in found.counted[WBC] if one in found.cells]
        for one in found.given_up:
            one.looks = 0
        if i == 90:
            for twins in ledger.join(1, 0, 3.0, 0.0, RED):
                said.append((twins.gone.number, twins.kept.number))
                twins.kept.label = f"class {twins.gone.number}"
        if i == 95:
            ledger.move([Move(0, 1000.0, 0.0, 2.0, 1.0), Move(0, 4000.0, 0.0, -1.5, 0.5)])
        known = [None if one is None else (one.number, one.x, one.state, one.chances, one.label) for one in found.cells]
        said.append((known, found.waiting.tolist(), [one.number for one in found.given_up]))
        said.append(ledger.undecided_part(pose, WHOLE, RED))
    return [*said, ledger.known, ledger.forgotten, len(ledger), ledger.coverage.area_px2]


@pytest.mark.parametrize("cells", [15, 25, 35, 45, 300])
def test_a_ledger_says_the_same_whatever_is_packed(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few cells a tile may hold a single one, which is on trial, or waits for its name."""
    assert walk(0, cells, monkeypatch) == walk(NO_LIMIT, cells, monkeypatch)


def test_cells_come_back_as_they_were_and_keep_their_place_in_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_tiles, "OPEN_TILES", 1)
    tiles = CellTiles()
    for column in range(4):
        tiles.setdefault((0, column, 0), []).append(cell(column + 1))
    held = tiles.get((0, 1, 0))
    tiles.get((0, 3, 0))
    tiles.pack(lambda cells: cells is held)
    assert tiles.get((0, 1, 0)) is held
    for column in range(4):
        (found,) = tiles.get((0, column, 0)) or ()
        assert [getattr(found, name) for name in KnownCell.__slots__] == [
            getattr(cell(column + 1), name) for name in KnownCell.__slots__
        ]
    assert tiles.oldest() == (0, 0, 0)
    tiles.renew((0, 0, 0), [])
    assert tiles.of_region(0) == [(0, column, 0) for column in (1, 2, 3, 0)]
    assert [one.number for cells in tiles.pop_region(0) for one in cells] == [2, 3, 4, 1]
    assert len(tiles) == 0


def test_what_was_used_last_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_tiles, "OPEN_TILES", 2)
    packed: list[str] = []

    def pack(known: str) -> bytes:
        packed.append(known)
        return known.encode()

    tiles = PackedTiles(pack, bytes.decode)
    for column, name in enumerate("abc"):
        tiles.setdefault((0, column, 0), name)
    tiles.get((0, 0, 0))
    tiles.pack()
    assert packed == ["b"]
    assert list(tiles.values()) == ["a", "b", "c"]
    assert tiles.pop((0, 1, 0)) == "b"
    assert tiles.get((0, 1, 0)) is None


def test_packed_cells_take_a_quarter_of_the_memory() -> None:
    def size(*, pack: bool) -> int:
        tracemalloc.start()
        try:
            tiles = CellTiles()
            for column in range(1000):
                tiles.setdefault((0, column, 0), []).extend(cell(i) for i in range(1000 * column, 1000 * column + 20))
                if pack:
                    tiles.pack()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_tiles, "OPEN_TILES", 10)
        assert size(pack=True) < size(pack=False) / 4
