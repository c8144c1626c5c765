"""The readers against captured trees of a Pi Zero 2 W, a Pi 5 and a Jetson Orin Nano."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from captured_boards import build

from hemato_edge.device.board import read_board
from hemato_edge.device.machine import Machine
from hemato_edge.device.memory import Memory, read_memory
from hemato_edge.device.temperature import processor_temperature_c, read_temperatures
from hemato_edge.device.throttling import decode_throttled, read_throttling


@pytest.mark.parametrize(
    ("bits", "now", "since_boot"),
    [
        (0x0, (), ()),
        (0x1, ("under-voltage",), ("under-voltage",)),
        (0x50000, (), ("under-voltage", "throttled")),
        (0x50005, ("under-voltage", "throttled"), ("under-voltage", "throttled")),
        (0x80008, ("soft temperature limit",), ("soft temperature limit",)),
        (0x20002, ("processor frequency capped",), ("processor frequency capped",)),
        (0xE0000, (), ("processor frequency capped", "throttled", "soft temperature limit")),
    ],
)
def test_bits_become_words(bits: int, now: tuple[str, ...], since_boot: tuple[str, ...]) -> None:
    decoded = decode_throttled(bits)
    assert (decoded.bits, decoded.now, decoded.since_boot) == (bits, now, since_boot)


def test_a_pi_is_asked_by_command_then_by_file_then_by_its_alarm(tmp_path: Path) -> None:
    by_command = read_throttling(
        build(tmp_path / "a", "Pi Zero 2 W", answers={"vcgencmd get_throttled": "throttled=0x8"})
    )
    assert by_command is not None
    assert (by_command.bits, by_command.source) == (0x8, "vcgencmd get_throttled")
    by_file = read_throttling(build(tmp_path / "b", "Pi Zero 2 W", answers={}))
    assert by_file is not None
    assert (by_file.bits, by_file.source) == (0x50005, "/sys/devices/platform/soc/soc:firmware/get_throttled")
    file = "/sys/devices/platform/soc/soc:firmware/get_throttled"
    by_alarm = read_throttling(build(tmp_path / "c", "Pi Zero 2 W", {file: None}, answers={}))
    assert by_alarm is not None
    assert (by_alarm.bits, by_alarm.now) == (None, ("under-voltage",))


def test_the_pi_5s_file_lies_elsewhere(tmp_path: Path) -> None:
    found = read_throttling(build(tmp_path, "Pi 5"))
    assert found is not None
    assert (found.bits, found.now, found.since_boot) == (0, (), ())
    assert "soc@107c000000" in found.source


def test_a_jetson_tells_heat_now_and_over_current_since_boot(tmp_path: Path) -> None:
    found = read_throttling(build(tmp_path, "Jetson Orin Nano"))
    assert found is not None
    assert found.now == ("gpu throttled by heat",)
    assert found.since_boot == ("average over-current", "instantaneous over-current", "gpu throttled by heat")


def test_a_machine_that_cannot_be_asked_says_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert read_throttling(machine) is None
    assert processor_temperature_c(machine) is None
    assert read_memory(machine) == Memory(None, None, None, None)
    assert (read_board(machine).model, read_board(machine).system) == ("", "")


@pytest.mark.parametrize("text", ["", "throttled=", "VCHI initialization failed", "throttled=0xzz", "0x123456789"])
def test_an_answer_that_is_no_word_is_none(tmp_path: Path, text: str) -> None:
    assert read_throttling(Machine(tmp_path, {"vcgencmd get_throttled": text})) is None


def test_temperatures_leave_out_sensors_that_are_off(tmp_path: Path) -> None:
    machine = build(tmp_path, "Jetson Orin Nano")
    assert read_temperatures(machine) == {"cpu-thermal": 52.406, "tj-thermal": 53.093}
    assert processor_temperature_c(machine) == 52.406


def test_boards_and_memory(tmp_path: Path) -> None:
    zero = build(tmp_path / "zero", "Pi Zero 2 W")
    assert read_board(zero).is_raspberry_pi
    assert read_board(zero).system == "Debian GNU/Linux 12 (bookworm)"
    assert read_memory(zero).cma_free == 94736 * 1024
    orin = read_board(build(tmp_path / "orin", "Jetson Orin Nano"))
    assert "Jetson" in orin.model
    assert not orin.is_raspberry_pi


def test_a_sensor_that_answers_try_again_does_not_hang(tmp_path: Path) -> None:
    sensor = tmp_path / "sensor"
    os.mkfifo(sensor)
    holder = os.open(sensor, os.O_RDWR)  # a writer that says nothing: reading answers EAGAIN
    try:
        assert Machine(tmp_path).read("/sensor") is None
    finally:
        os.close(holder)


def test_commands_run_on_this_machine_only(tmp_path: Path) -> None:
    here = Machine()
    assert here.run("echo", "yes") == "yes"
    assert here.run("false") is None
    assert here.run("no-such-command-anywhere") is None
    assert here.run("sleep", "30", timeout_s=0.05) is None
    assert Machine(tmp_path).run("echo", "yes") is None
    assert Machine(tmp_path, {"echo yes": "captured"}).run("echo", "yes") == "captured"


def test_this_machine_has_memory() -> None:
    memory = read_memory(Machine())
    assert memory.total is not None
    assert memory.total > 10**8
