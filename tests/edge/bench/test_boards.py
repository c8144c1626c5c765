"""The estimate for other boards."""

from __future__ import annotations

import pytest
from made_report import made_report

from hemato_edge.bench.boards import board_estimate
from hemato_edge.bench.tables import verdicts_of


def on(board: str) -> str:
    report = made_report()
    return board_estimate(report.model_copy(update={"device": report.device.model_copy(update={"board": board})}))


@pytest.mark.parametrize(
    ("board", "told"),
    [
        ("Raspberry Pi 4 Model B Rev 1.2", "would be 23 on a Zero 2 W and 80 on a Pi 5"),
        ("Raspberry Pi 5 Model B Rev 1.0", "would be 13 on a Zero 2 W and 28 on a Pi 4"),
        ("Raspberry Pi Zero 2 W Rev 1.0", "would be 101 on a Pi 4 and 169 on a Pi 5"),
    ],
)
def test_on_one_of_the_boards_the_others_have_frames_a_second(board: str, told: str) -> None:
    assert told in on(board)  # 47.6 frames/s were measured


def test_elsewhere_they_are_compared_with_each_other() -> None:
    for board in ("Standard PC", "", "Raspberry Pi 3 Model B"):
        assert "speed of Zero 2 W 0.5, Pi 4 1.0, Pi 5 1.7, a Pi 4 being 1" in on(board)


def test_it_is_told_as_an_estimate_with_its_source() -> None:
    (line,) = [one for one in verdicts_of(made_report()) if "Pi 5" in one]
    assert line.startswith("Estimate (7-zip on one core, by sbc-bench): ")
