"""What is known of the slide tile by tile: the tiles in use as objects, all others packed into bytes.

A session may remember thousands of tiles, of which a frame touches some ten. A known cell takes 450 bytes as an object
and `CELL_BYTES` packed.
"""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from hemato_edge.counting.confirmation import KnownCell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tile = tuple[int, int, int]
    """Region, column, row."""

OPEN_TILES = 256
"""Maximum number of tiles that stay as objects after a frame: a frame of 3840 × 2160 pixels with red cells of 35 has
150."""
_CELL = struct.Struct("<QQdddd6HBBB")
CELL_BYTES = _CELL.size

Known = TypeVar("Known")


class PackedTiles(Generic[Known]):
    """What is known by tile, in the order in which tiles were made or renewed, oldest first.

    Args:
        pack: what is known → bytes.
        unpack: the same from these bytes.
    """

    def __init__(self, pack: Callable[[Known], bytes], unpack: Callable[[bytes], Known]) -> None:
        self._pack = pack
        self._unpack = unpack
        self._order: dict[Tile, None] = {}
        self._packed: dict[Tile, bytes] = {}
        self._open: dict[Tile, Known] = {}  # in the order of their last use

    def __len__(self) -> int:
        return len(self._order)

    def get(self, tile: Tile) -> Known | None:
        """What is known of a tile, to read or to change; None where nothing is."""
        if tile not in self._order:
            return None
        packed = self._packed.pop(tile, None)
        known = self._open.pop(tile) if packed is None else self._unpack(packed)
        self._open[tile] = known
        return known

    def setdefault(self, tile: Tile, new: Known) -> Known:
        """What is known of a tile; `new` from now on where nothing was."""
        known = self.get(tile)
        if known is not None:
            return known
        self._order[tile] = None
        self._open[tile] = new
        return new

    def pop(self, tile: Tile) -> Known | None:
        """Forget a tile; returns what was known of it."""
        known = self.get(tile)
        if known is not None:
            del self._order[tile], self._open[tile]
        return known

    def renew(self, tile: Tile, new: Known) -> None:
        """Make a tile the newest; `new` is known of it from now on where nothing was."""
        self.setdefault(tile, new)
        self._order[tile] = self._order.pop(tile)

    def oldest(self) -> Tile:
        """The tile that was neither made nor renewed for longest."""
        return next(iter(self._order))

    def of_region(self, region: int) -> list[Tile]:
        """The tiles of a region, oldest first."""
        return [tile for tile in self._order if tile[0] == region]

    def pop_region(self, region: int) -> Iterator[Known]:
        """Forget the tiles of a region, all before the first is given; yields what was known of each, oldest first."""
        taken: list[bytes | Known] = []
        for tile in self.of_region(region):
            del self._order[tile]
            packed = self._packed.pop(tile, None)
            taken.append(self._open.pop(tile) if packed is None else packed)
        for one in taken:
            yield self._unpack(one) if isinstance(one, bytes) else one

    def values(self) -> Iterator[Known]:
        """What is known of each tile, oldest first; packed tiles stay packed."""
        for tile in self._order:
            packed = self._packed.get(tile)
            yield self._open[tile] if packed is None else self._unpack(packed)

    def pack(self, in_use: Callable[[Known], bool] = lambda known: False) -> None:
        """Pack what was not used for longest beyond `OPEN_TILES`, except where `in_use` says that others hold it."""
        for tile in list(islice(self._open, max(0, len(self._open) - OPEN_TILES))):
            if not in_use(self._open[tile]):
                self._packed[tile] = self._pack(self._open.pop(tile))


class CellTiles(PackedTiles[list[KnownCell]]):
    """The known cells by tile."""

    def __init__(self) -> None:
        super().__init__(self._packed_cells, self._unpacked_cells)
        self._labels: dict[str, int] = {}

    def _packed_cells(self, cells: list[KnownCell]) -> bytes:
        return b"".join(
            _CELL.pack(
                *(cell.number, cell.record, cell.x, cell.y, cell.size, cell.score),
                *(cell.sightings, cell.chances, cell.looks, *cell.kinds),
                *(cell.kind, cell.state, self._labels.setdefault(cell.label, len(self._labels))),
            )
            for cell in cells
        )

    def _unpacked_cells(self, packed: bytes) -> list[KnownCell]:
        labels = list(self._labels)
        cells = []
        for number, record, x, y, size, score, *counts, kind, state, label in _CELL.iter_unpack(packed):
            sightings, chances, looks, *kinds = counts
            seen = sightings, chances, kinds, looks
            cells.append(KnownCell(number, kind, x, y, size, score, state, *seen, record, labels[label]))
        return cells
