"""Memory of one process."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.device.machine import Machine

_M_ARENA_MAX = -8
"""glibc's number of this option, see mallopt(3)."""
_WANTED = ("VmRSS:", "VmHWM:", "RssFile:")
_MADV_DONTNEED = 4
"""The kernel's number of this advice, see madvise(2)."""
_PAGE_STATE = 0xE0
"""Of the highest byte of a page's word in /proc/PID/pagemap: present, swapped out, page of a file."""
_UNCHANGED = frozenset({0x00, 0xA0})
"""A page that is not there, and one that is and belongs to a file; a page that was written to is no longer a file's."""


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Resident memory now and at its peak, megabytes (10^6 bytes).

    `file_mb` is the current part that consists of file pages (libraries, models): the kernel can drop them, and they
    are shared with other processes.
    """

    resident_mb: float
    peak_mb: float
    file_mb: float


def read_process_memory(machine: Machine, pid: int) -> ProcessMemory | None:
    """Read from /proc/PID/status; None if the process has ended or the system does not report it."""
    lines = (machine.read(f"/proc/{pid}/status") or "").splitlines()
    kb = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith(_WANTED)}
    if len(kb) < len(_WANTED):
        return None
    return ProcessMemory(*(kb[name.rstrip(":")] * 1024 / 1e6 for name in _WANTED))


def keep_one_arena() -> bool:
    """Let all threads of this process share one malloc arena, before they start; returns whether that succeeded.

    By default glibc gives each thread its own, and memory freed in one is not available to another: 6 MB of `run`
    (`benchmarks/memory.py`). The threads seldom allocate at the same time, so contention is negligible.
    """
    import ctypes

    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1))
    except (AttributeError, OSError):  # another C library, such as musl
        return False


class LoadedFiles:
    """The files that this process holds in its memory as they are on disk: programs, libraries, tables of theirs.

    A library is touched all over when it is loaded, and with each page the kernel maps fifteen neighbours: of 62 MB of
    `run` half is never used again (`benchmarks/memory.py`). Released pages stay in the kernel's cache while there is
    room, and come back when they are touched.

    Make it before threads start: a library that another thread is just loading would lose its relocations. Release it
    when all that is used has been used.
    """

    def __init__(self) -> None:
        self._mappings = frozenset(_read_only_files())

    def release(self) -> bool:
        """Unmap the files' pages; returns whether the system lets it.

        A mapping of which a page was written to, such as relocated tables, and one that has changed since this was made
        are left alone.
        """
        import ctypes
        import mmap

        try:
            advise = ctypes.CDLL(None).madvise
            advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
            with Path("/proc/self/pagemap").open("rb", buffering=0) as pages:
                for start, end in {(one[0], one[1]) for one in self._mappings.intersection(_read_only_files())}:
                    pages.seek(start // mmap.PAGESIZE * 8)
                    words = pages.read((end - start) // mmap.PAGESIZE * 8)
                    states = {byte & _PAGE_STATE for byte in set(words[7 if sys.byteorder == "little" else 0 :: 8])}
                    if states <= _UNCHANGED:
                        advise(start, end - start, _MADV_DONTNEED)
        except (AttributeError, OSError):  # another C library, or a system that does not tell
            return False
        return True


def _read_only_files() -> list[tuple[int, int, str]]:
    """First address, the one after the last, and the file of each private mapping that cannot be written to."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for span, rights, offset, device, inode, *_ in (line.split(maxsplit=5) for line in lines):
        start, end = (int(address, 16) for address in span.split("-"))
        if rights[1] == "-" and rights[3] == "p" and inode != "0":
            found.append((start, end, f"{device} {inode} {offset}"))
    return found
