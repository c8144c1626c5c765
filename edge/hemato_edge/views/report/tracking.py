"""How well the stage was followed, in words: what was lost, and what was found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.views.report.model import Tracking

if TYPE_CHECKING:
    from collections.abc import Mapping


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
