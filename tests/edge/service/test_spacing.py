"""Starts after failures wait longer and longer; a good run, an orderly end or a boot begins anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.service.spacing import FILE, StartSpacing


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_delays_double_up_to_five_minutes(tmp_path: Path) -> None:
    clock = Clock()
    delays = []
    for _ in range(10):
        failed, delay_s = StartSpacing(tmp_path, clock).begin()
        assert failed == len(delays)
        delays.append(delay_s)
        clock.now += delay_s + 3  # it fails three seconds after its start
    assert delays == [0, 5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_run_of_ten_minutes_has_recovered(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(5):
        _, delay_s = StartSpacing(tmp_path, clock).begin()
        clock.now += delay_s
    clock.now += 599
    assert StartSpacing(tmp_path, clock).begin()[0] == 5
    clock.now += 80 + 601
    assert StartSpacing(tmp_path, clock).begin() == (0, 0.0)


def test_an_orderly_end_begins_anew(tmp_path: Path) -> None:
    spacing = StartSpacing(tmp_path, Clock())
    spacing.begin()
    spacing.end()
    assert spacing.begin() == (0, 0.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"starts": "many", "began_s": 1}', '{"starts": 3}', "null"])
def test_a_damaged_note_does_not_keep_it_from_starting(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert StartSpacing(tmp_path, Clock()).begin() == (0, 0.0)
    assert StartSpacing(tmp_path, Clock()).begin() == (1, 5.0)


def test_outside_of_a_service_nothing_is_remembered() -> None:
    spacing = StartSpacing.from_environment({})
    assert [spacing.begin() for _ in range(3)] == [(0, 0.0)] * 3
    spacing.end()


def test_systemd_names_the_folder(tmp_path: Path) -> None:
    StartSpacing.from_environment({"RUNTIME_DIRECTORY": f"{tmp_path}:/run/other"}).begin()
    assert (tmp_path / FILE).exists()
