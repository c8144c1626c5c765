"""Reads the records of a SQLite file page by page, without its tables of contents: for files that SQLite refuses.

Every leaf of a table describes itself, so its records can be read when the header, the schema or the pages above it are
gone (https://www.sqlite.org/fileformat2.html). SQLite's own recovery extension does the same, but Python's `sqlite3`
does not have it, and its command-line shell is not on every device. What the write-ahead log has committed stands over
the pages of the file, as SQLite itself would read them.
"""

from __future__ import annotations

import mmap
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.store.file.connect import log_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"SQLite format 3\0"
PAGE_SIZE = 4096
"""Of our files (SQLite's default); taken where the header is gone."""
TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR = 0x0D, 0x0A, 0x02
_POINTER_BYTES, _POINTER_KINDS = 5, frozenset(range(6))
"""Size of an entry of a pointer map, and the values of its first byte; 0 where the file has no such page yet."""
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_LOG_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}

Value = int | float | str | bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """One readable record.

    Attributes:
        page: on which it begins.
        row: its row number, or None where the table has none (WITHOUT ROWID).
        values: its columns.
    """

    page: int
    row: int | None
    values: list[Value]


class Pages:
    """The pages of a file with its write-ahead log. Made by `open_pages`."""

    def __init__(self, content: bytes | mmap.mmap, log: bytes) -> None:
        self._content = content
        declared = int.from_bytes(content[16:18], "big") if content[:16] == MAGIC else 0
        declared = 65536 if declared == 1 else declared
        self.size = declared if declared >= 512 and not declared & (declared - 1) else PAGE_SIZE
        self._newer = _committed(log, self.size)
        self.count = max([-(-len(content) // self.size), *self._newer])
        self.unreadable: list[int] = []

    def page(self, number: int) -> bytes:
        """A page, from 1. Raises ValueError where the file has no whole one."""
        found = self._newer.get(number) or self._content[(number - 1) * self.size : number * self.size]
        if number < 1 or len(found) < self.size:
            msg = f"no page {number}"
            raise ValueError(msg)
        return found

    def records(self) -> Iterator[Record]:
        """All readable records of tables, and of indexes that are tables; pages that are no such are left out.

        Pages that look like such and cannot be read to the end go to `unreadable`, as do those that were cut off.
        """
        free = self._free()
        for number in range(1, self.count + 1):
            if number in free or self._maps_pointers(number):
                continue
            try:
                page = self.page(number)
            except ValueError:
                self.unreadable.append(number)
                continue
            kind = page[100 if number == 1 else 0]
            if kind in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
                yield from self._records_of(number, page, kind)
            elif kind not in (0x00, 0x05):
                self.unreadable.append(number)  # an overflow page may be one of these: see `salvage`

    def _maps_pointers(self, number: int) -> bool:
        """Whether a page holds no records, but where each of the next ones belongs (file format, 1.8)."""
        entries = self.size // _POINTER_BYTES
        if (number - 2) % (entries + 1):
            return False
        try:
            return not {*self.page(number)[: _POINTER_BYTES * entries : _POINTER_BYTES]} - _POINTER_KINDS
        except ValueError:
            return False

    def _records_of(self, number: int, page: bytes, kind: int) -> Iterator[Record]:
        header = 100 if number == 1 else 0
        start = header + (12 if kind == INDEX_INTERIOR else 8)
        whole = True
        for i in range(int.from_bytes(page[header + 3 : header + 5], "big")):
            try:
                place = int.from_bytes(page[start + 2 * i : start + 2 * i + 2], "big")
                yield self._record(number, page, kind, place)
            except (ValueError, IndexError, struct.error):
                whole = False
        if not whole:
            self.unreadable.append(number)

    def _record(self, number: int, page: bytes, kind: int, place: int) -> Record:
        row = None
        if kind == INDEX_INTERIOR:
            place += 4
        size, place = _varint(page, place)
        if kind == TABLE_LEAF:
            row, place = _varint(page, place)
        return Record(number, row, _values(self._payload(page, kind, place, size)))

    def _payload(self, page: bytes, kind: int, place: int, size: int) -> bytes:
        usable = self.size
        if size > self.count * usable:
            msg = "a record larger than the file"
            raise ValueError(msg)
        most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return _part(page, place, size)
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
        pieces, rest = [_part(page, place, local)], size - local
        next_page = int.from_bytes(_part(page, place + local, 4), "big")
        while rest > 0:
            overflow = self.page(next_page)
            pieces.append(overflow[4 : 4 + rest])
            rest -= usable - 4
            next_page = int.from_bytes(overflow[:4], "big")
        return b"".join(pieces)

    def _free(self) -> set[int]:
        """Pages that are in no use: what stands there was removed. None where the header is gone."""
        free: set[int] = set()
        try:
            first = self.page(1)
            trunk = int.from_bytes(first[32:36], "big") if first[:16] == MAGIC else 0
            while trunk and trunk not in free:
                page = self.page(trunk)
                leaves = min(int.from_bytes(page[4:8], "big"), self.size // 4 - 2)
                free |= {trunk, *struct.unpack(f">{leaves}I", page[8 : 8 + 4 * leaves])}
                trunk = int.from_bytes(page[:4], "big")
        except ValueError:
            return free
        return free


@contextmanager
def open_pages(path: Path) -> Iterator[Pages]:
    """The pages of the file at `path`, read-only.

    Raises:
        OSError: it cannot be read.
    """
    log = log_path(path).read_bytes() if log_path(path).exists() else b""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield Pages(content, log)


def _committed(log: bytes, size: int) -> dict[int, bytes]:
    """Page → content, of all that a write-ahead log has committed (file format, 4.1 to 4.4)."""
    if len(log) < 32:
        return {}
    magic, _, page_size, _, salt1, salt2, sum1, sum2 = struct.unpack(">8I", log[:32])
    order = _LOG_MAGIC.get(magic)
    if order is None or page_size != size or _checksum(order, log[:24], (0, 0)) != (sum1, sum2):
        return {}
    done: dict[int, bytes] = {}
    open_frames: dict[int, bytes] = {}
    sums = (sum1, sum2)
    for start in range(32, len(log) - size - 23, size + 24):
        number, commit, first, second, sum1, sum2 = struct.unpack(">6I", log[start : start + 24])
        page = log[start + 24 : start + 24 + size]
        sums = _checksum(order, page, _checksum(order, log[start : start + 8], sums))
        if (first, second) != (salt1, salt2) or sums != (sum1, sum2):
            break
        open_frames[number] = page
        if commit:
            done |= open_frames
            open_frames = {}
    return done


def _checksum(order: str, content: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _part(page: bytes, place: int, size: int) -> bytes:
    found = page[place : place + size]
    if len(found) < size:
        msg = "a record that leaves its page"
        raise ValueError(msg)
    return found


def _varint(page: bytes, place: int) -> tuple[int, int]:
    """A variable-length integer (file format, 1.6) and the place behind it."""
    value = 0
    for i in range(8):
        byte = page[place + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + i + 1
    value = value << 8 | page[place + 8]
    return value - (1 << 64) if value >> 63 else value, place + 9


def _values(record: bytes) -> list[Value]:
    """The columns of a record (file format, 2.1)."""
    end, place = _varint(record, 0)
    kinds = []
    while place < end:
        kind, place = _varint(record, place)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        value, place = _value(record, place, kind)
        values.append(value)
    if place != len(record) or not kinds:
        msg = "a record whose columns do not fill it"
        raise ValueError(msg)
    return values


def _value(record: bytes, place: int, kind: int) -> tuple[Value, int]:
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), place
    if kind == 7:
        return struct.unpack(">d", _part(record, place, 8))[0], place + 8
    if 1 <= kind <= 6:
        size = _INTEGER_BYTES[kind]
        return int.from_bytes(_part(record, place, size), "big", signed=True), place + size
    if kind < 12:
        msg = "a kind of column that SQLite does not write"
        raise ValueError(msg)
    size = (kind - 12) // 2
    content = _part(record, place, size)
    return (content.decode() if kind % 2 else content), place + size
