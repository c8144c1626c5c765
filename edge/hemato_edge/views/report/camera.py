"""How the camera did, in words: what it was found out doing, and how often it came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.recovery.state import TALLY, WORDS, CameraState

if TYPE_CHECKING:
    from collections.abc import Mapping


def camera_summary(tallies: Mapping[str, int]) -> dict[str, int]:
    """Fault → how often it stopped the frames, "recovered" → how often they came again; empty for a good camera."""
    summary = {fault.value: tallies.get(TALLY + fault.value, 0) for fault in WORDS}
    summary["recovered"] = tallies.get(TALLY + CameraState.LIVE.value, 0)
    return {name: count for name, count in summary.items() if count}


def camera_line(summary: Mapping[str, int]) -> str:
    """The same in words; empty for a good camera."""
    faults = {name: count for name, count in summary.items() if name != "recovered"}
    if not faults:
        return ""
    named = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in faults.items())
    stops, back = sum(faults.values()), summary.get("recovered", 0)
    often = {1: "once", 2: "twice"}.get(stops, f"{stops} times")
    after = "it" if stops == 1 else "each" if back >= stops else str(back)
    again = f"frames came again after {after}" if back else "frames did not come again"
    return f"The camera failed {often} ({named}); {again}."
