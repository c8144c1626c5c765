"""How well the stage was followed, in words: what was lost, and what was found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACKING = ("lost", "found_again", "rejoined")
"""What is told of the stage's tracking, from the tallies of that name: new regions begun after tracking was lost, jumps
that were recognised as known ground at once, and regions that were joined to known ground later."""


def tracking_summary(tallies: Mapping[str, int]) -> dict[str, int]:
    """How the stage was followed, and how many cells are known to have been counted in two regions."""
    doubles = {name.removeprefix("counted_twice:"): count for name, count in tallies.items() if "twice:" in name}
    return {name: tallies.get(f"tracking_{name}", 0) for name in TRACKING} | {"wbc_twice": doubles.get("wbc", 0)}


def tracking_line(tracking: Mapping[str, int]) -> str:
    """The same in words; empty where the stage was never lost."""
    lost, rejoined = tracking["lost"], tracking["rejoined"]
    parts = [f"Jumps to known ground recognised: {tracking['found_again']}."] if tracking["found_again"] else []
    if lost:
        parts.append(f"Tracking was lost {lost} times, and known ground was met again after {rejoined} of these.")
    if tracking["wbc_twice"]:
        parts.append(f"White cells that had been counted twice by then, and count once now: {tracking['wbc_twice']}.")
    if lost > rejoined:
        parts.append(f"After the other {lost - rejoined}, a cell may have been counted again.")
    return " ".join(parts)
