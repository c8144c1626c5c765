"""The directories of a TIFF: which pages are fields of their own, and whether the file holds the data of all.

TIFF 6.0 (Adobe 1992), section 2, and BigTIFF, which differs by the width of its counts and offsets.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SUBFILE, _OLD_SUBFILE = 254, 255
_PLACES = ((273, 279), (324, 325))
"""Tags of offsets and byte counts: of strips, of tiles."""
_SIZES = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Field types of whole numbers without a sign, as `struct` writes them."""
_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType: a smaller copy of another page; a mask for one."""
_OLD_REDUCED = 2
"""SubfileType, which NewSubfileType replaced, of a smaller copy."""


class CutOffError(Exception):
    """Raised where a directory, or the data that it names, lie behind the end of the file."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers are written: byte order, format of an offset, of the number of entries, and size of an entry."""

    order: str
    offset: str
    entries: str
    entry_bytes: int
    first: int


_LAYOUTS = {
    b"II*\0": _Layout("<", "I", "H", 12, 4),
    b"MM\0*": _Layout(">", "I", "H", 12, 4),
    b"II+\0": _Layout("<", "Q", "Q", 20, 8),
    b"MM\0+": _Layout(">", "Q", "Q", 20, 8),
}


def tiff_pages(content: bytes | memoryview) -> list[bool] | None:
    """Each page of a TIFF: whether it is a field of its own, not a smaller copy of another page or a mask.

    None where the content is no TIFF.

    Raises:
        CutOffError: the file ends before the data of all pages.
    """
    layout = _LAYOUTS.get(bytes(content[:4]))
    if layout is None:
        return None
    pages: list[bool] = []
    at, seen = _number(content, layout, layout.offset, layout.first), set[int]()
    while at and at not in seen:  # a directory that names an earlier one as the next would go on forever
        seen.add(at)
        tags, at = _directory(content, layout, at)
        for offsets, counts in _PLACES:
            for start, length in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False):
                if start + length > len(content):
                    raise CutOffError
        new, old = (next(iter(tags.get(tag, ())), 0) for tag in (_SUBFILE, _OLD_SUBFILE))
        pages.append(not (new & (_REDUCED | _MASK) or old == _OLD_REDUCED))
    return pages


def _directory(content: bytes | memoryview, layout: _Layout, at: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """The tags of whole numbers of one directory, and where the next one is; 0: there is none."""
    entries = _number(content, layout, layout.entries, at)
    first = at + struct.calcsize(layout.order + layout.entries)
    wanted = {_SUBFILE, _OLD_SUBFILE, *(tag for pair in _PLACES for tag in pair)}
    tags = {}
    for entry in range(first, first + entries * layout.entry_bytes, layout.entry_bytes):
        tag, kind = _number(content, layout, "H", entry), _number(content, layout, "H", entry + 2)
        if tag in wanted and kind in _SIZES:
            tags[tag] = _values(content, layout, _SIZES[kind], entry + 4)
    return tags, _number(content, layout, layout.offset, first + entries * layout.entry_bytes)


def _values(content: bytes | memoryview, layout: _Layout, kind: str, at: int) -> tuple[int, ...]:
    """The values of an entry whose count is at `at`; behind it they stand themselves, or where they are."""
    width = struct.calcsize(layout.order + layout.offset)
    count = _number(content, layout, layout.offset, at)
    start, size = at + width, count * struct.calcsize(kind)
    if size > width:
        start = _number(content, layout, layout.offset, start)
    if start + size > len(content):
        raise CutOffError
    return struct.unpack_from(f"{layout.order}{count}{kind}", content, start)


def _number(content: bytes | memoryview, layout: _Layout, kind: str, at: int) -> int:
    try:
        return int(struct.unpack_from(layout.order + kind, content, at)[0])
    except (struct.error, OverflowError) as error:
        raise CutOffError from error
