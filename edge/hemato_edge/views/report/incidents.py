"""What went wrong while counting, in words: how the camera did, and how well the stage was followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.recovery.state import TALLY, WORDS, CameraState
from hemato_edge.views.report.model import Tracking

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


def tracking_summary(tallies: Mapping[str, int]) -> Tracking:
    """How the stage was followed, from the tallies of a session."""
    lost, found_again, rejoined = (tallies.get(f"tracking_{name}", 0) for name in ("lost", "found_again", "rejoined"))
    return Tracking(lost, found_again, rejoined, wbc_twice=tallies.get("counted_twice:wbc", 0))


def tracking_line(tracking: Tracking) -> str:
    """The same in words; empty where the stage was never lost."""
    lost, rejoined = tracking.lost, tracking.rejoined
    parts = [f"Jumps to known ground recognised: {tracking.found_again}."] if tracking.found_again else []
    if lost:
        parts.append(f"Tracking was lost {lost} times, and known ground was met again after {rejoined} of these.")
    if tracking.wbc_twice:
        parts.append(f"White cells that had been counted twice by then, and count once now: {tracking.wbc_twice}.")
    if lost > rejoined:
        parts.append(f"After the other {lost - rejoined}, a cell may have been counted again.")
    return " ".join(parts)
