"""The memory of a process, as the kernel tells it, and the allocator's option."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

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
