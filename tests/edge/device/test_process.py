"""The memory of a process, as the kernel tells it, and the allocator's option."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from hemato_edge.device.machine import Machine
from hemato_edge.device.process import read_process_memory

IN_THREADS = """
import threading
from hemato_edge.device.process import keep_one_arena
if {asked}:
    assert keep_one_arena()
gate = threading.Barrier(9)
def work():
    kept = [bytearray(1000) for _ in range(100)]
    gate.wait()
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
gate.wait()
print(open("/proc/self/maps").read().count("---p"))
gate.wait()
"""

RELEASED = """
import ctypes, mmap, os, sys
import cv2
import numpy as np
from hemato_edge.device.machine import Machine
from hemato_edge.device.process import LoadedFiles, read_process_memory

# a read-only mapping with a page that was written to, as the loader leaves a library's relocated tables
with open(sys.argv[1], "r+b") as stream:
    changed = mmap.mmap(stream.fileno(), 0, flags=mmap.MAP_PRIVATE)
changed[:5] = b"after"
pinned = ctypes.c_char.from_buffer(changed)
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(ctypes.addressof(pinned)), len(changed), mmap.PROT_READ) == 0
loaded, before = LoadedFiles(), read_process_memory(Machine(), os.getpid())
assert loaded.release()
after = read_process_memory(Machine(), os.getpid())
picture = cv2.resize(np.full((64, 64, 3), 7, np.uint8), (32, 32))
print(before.file_mb, after.file_mb, changed[:5].decode(), int(picture.sum()), np.linalg.det(np.eye(3)))
"""


def test_this_process_has_memory_of_its_own_and_of_files() -> None:
    memory = read_process_memory(Machine(), os.getpid())
    assert memory is not None
    assert 0 < memory.file_mb < memory.resident_mb <= memory.peak_mb
    assert read_process_memory(Machine(), 2**22 + 1) is None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_threads_share_one_arena_when_asked() -> None:
    reserved = [
        int(
            subprocess.run(
                [sys.executable, "-c", IN_THREADS.format(asked=asked)], capture_output=True, check=True
            ).stdout
        )
        for asked in (False, True)
    ]
    assert reserved[1] < reserved[0]  # each arena reserves 64 MB of addresses


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_loaded_files_are_released_and_nothing_that_was_changed(tmp_path: Path) -> None:
    file = tmp_path / "table"
    file.write_bytes(b"before".ljust(1 << 20))
    said = subprocess.run([sys.executable, "-c", RELEASED, str(file)], capture_output=True, check=True, text=True)
    before, after, changed, total, determinant = said.stdout.split()
    assert float(after) < 0.7 * float(before)
    assert (changed, total, determinant) == ("after", str(32 * 32 * 3 * 7), "1.0")
    assert file.read_bytes().startswith(b"before")
