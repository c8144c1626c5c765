"""What went wrong while counting, in words: how the camera did, and how well the stage was followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.recovery.state import TALLY, WORDS, CameraState
from hemato_edge.languages import words_of
from hemato_edge.views.report.model import Tracking

if TYPE_CHECKING:
    from collections.abc import Mapping


def camera_summary(tallies: Mapping[str, int]) -> dict[str, int]:
    """Fault → how often it stopped the frames, "recovered" → how often they came again; empty for a good camera."""
    summary = {fault.value: tallies.get(TALLY + fault.value, 0) for fault in WORDS}
    summary["recovered"] = tallies.get(TALLY + CameraState.LIVE.value, 0)
    return {name: count for name, count in summary.items() if count}


def camera_line(summary: Mapping[str, int], language: str = "en") -> str:
    """The same in words; empty for a good camera."""
    _ = words_of(language)
    faults = {name: count for name, count in summary.items() if name != "recovered"}
    if not faults:
        return ""
    named = ", ".join(f"{_(name.replace('_', ' '))} {count}" for name, count in faults.items())
    stops, back = sum(faults.values()), summary.get("recovered", 0)
    values = {"n": stops, "faults": named}
    failed = {
        1: _("The camera failed once ({faults}).", **values),
        2: _("The camera failed twice ({faults}).", **values),
    }.get(stops) or _("The camera failed {n} times ({faults}).", **values)
    if not back:
        again = _("Frames did not come again.")
    elif back < stops:
        again = _("Frames came again after {n} of these.", n=back)
    else:
        again = _("Frames came again each time.") if stops > 1 else _("Frames came again.")
    return f"{failed} {again}"


def tracking_summary(tallies: Mapping[str, int]) -> Tracking:
    """How the stage was followed, from the tallies of a session."""
    lost, found_again, rejoined = (tallies.get(f"tracking_{name}", 0) for name in ("lost", "found_again", "rejoined"))
    return Tracking(lost, found_again, rejoined, wbc_twice=tallies.get("counted_twice:wbc", 0))


def tracking_line(tracking: Tracking, language: str = "en") -> str:
    """The same in words; empty where the stage was never lost."""
    _ = words_of(language)
    lost, rejoined, parts = tracking.lost, tracking.rejoined, []
    if tracking.found_again:
        parts.append(_("Jumps to known ground recognised: {n}.", n=tracking.found_again))
    if lost:
        met = {"n": lost, "rejoined": rejoined}
        parts.append(_("Tracking was lost {n} times, and known ground was met again after {rejoined} of these.", **met))
    if tracking.wbc_twice:
        twice = tracking.wbc_twice
        parts.append(_("White cells that had been counted twice by then, and count once now: {n}.", n=twice))
    if lost > rejoined:
        parts.append(_("After the other {n}, a cell may have been counted again.", n=lost - rejoined))
    return " ".join(parts)
