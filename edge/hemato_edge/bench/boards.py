"""How other boards compare with the one that was measured: an estimate by a published figure of one core of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.bench.figures import Report

ONE_CORE_MIPS = {"Raspberry Pi Zero 2": 838, "Raspberry Pi 4": 1769, "Raspberry Pi 5": 2967}
"""7-zip on one core, MIPS, as `sbc-bench` measured it at the boards' usual clocks: the Zero 2 W at 1,000 MHz and the
Pi 4 B at 1,800 MHz (table of results, 2023), the Pi 5 B at 2,400 MHz (review of Rev 1.0, October 2023).
T. Kaiser, https://github.com/ThomasKaiser/sbc-bench"""
SOURCE = "7-zip on one core, by sbc-bench"
_CAVEAT = "the networks gain more on a Pi 5, whose cores have dot products"
_SHORT = {"Raspberry Pi Zero 2": "Zero 2 W", "Raspberry Pi 4": "Pi 4", "Raspberry Pi 5": "Pi 5"}


def board_estimate(report: Report) -> str:
    """The sentence about the Raspberry Pi 4, 5 and Zero 2 W, marked as an estimate.

    On one of them it has the others' frames a second on a moving stage; elsewhere only how they compare with each
    other, since nothing that the bench measures says how this machine compares with them.
    """
    here = next((board for board in ONE_CORE_MIPS if report.device.board.startswith(board)), None)
    moving = next((one.frames_per_second for one in report.scenes if one.scene == "moving"), None)
    if here is None or moving is None:
        usual = ONE_CORE_MIPS["Raspberry Pi 4"]
        parts = [f"{_SHORT[board]} {mips / usual:.1f}" for board, mips in ONE_CORE_MIPS.items()]
        return f"Estimate ({SOURCE}): speed of {', '.join(parts)}, a Pi 4 being 1; {_CAVEAT}"
    parts = [
        f"{moving * mips / ONE_CORE_MIPS[here]:.0f} on a {_SHORT[board]}"
        for board, mips in ONE_CORE_MIPS.items()
        if board != here
    ]
    return f"Estimate ({SOURCE}): frames/s on a moving stage would be {' and '.join(parts)}; {_CAVEAT}"
