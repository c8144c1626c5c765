"""The processor and a process's memory, from captured files and from this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hemato_edge.device.machine import Machine
from hemato_edge.device.process import read_process_memory
from hemato_edge.device.processor import frequency_mhz, read_processor, read_ticks

PI_5 = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41

Revision\t: c04170
Model\t\t: Raspberry Pi 5 Model B Rev 1.0
"""
STAT = "cpu  100 20 30 4000 50 6 7 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"


@pytest.fixture
def captured(tmp_path: Path) -> Machine:
    for path, text in (
        ("proc/cpuinfo", PI_5),
        ("proc/stat", STAT),
        ("proc/7/status", "Name:\tpython\nVmHWM:\t  200000 kB\nVmRSS:\t  100000 kB\nRssFile:\t  50000 kB\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "2400000\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Machine(tmp_path)


def test_a_captured_pi(captured: Machine) -> None:
    processor = read_processor(captured)
    assert processor.features == ("asimd", "asimddp")
    assert (processor.governors, processor.highest_mhz) == (("ondemand",), 2400.0)
    assert frequency_mhz(captured) == 1500.0
    ticks = read_ticks(captured)
    assert ticks is not None
    assert ticks.busy_s == pytest.approx((100 + 20 + 30 + 6 + 7) / os.sysconf("SC_CLK_TCK"))
    assert ticks.stolen_s == pytest.approx(80 / os.sysconf("SC_CLK_TCK"))
    memory = read_process_memory(captured, 7)
    assert memory is not None
    assert (memory.resident_mb, memory.peak_mb, memory.file_mb) == (102.4, 204.8, 51.2)
    assert read_process_memory(captured, 8) is None


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    processor = read_processor(Machine(tmp_path))
    assert (processor.name, processor.features, processor.governors, processor.highest_mhz) == ("", (), (), None)
    assert processor.usable >= 1
    assert read_ticks(Machine(tmp_path)) is None
    assert frequency_mhz(Machine(tmp_path)) is None


def test_this_machine() -> None:
    memory = read_process_memory(Machine(), os.getpid())
    assert memory is not None
    assert 1 < memory.resident_mb <= memory.peak_mb
