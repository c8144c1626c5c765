"""When a thing that the locator has seen counts as a cell: k of n sightings, or one good look."""

from __future__ import annotations

from dataclasses import dataclass

SURE_SCORE = (0.95, 0.95, 0.97)
"""A cell that the locator is so sure of counts at first sight, by kind."""
SINGLE_SCORE = 0.6
"""The score that a cell needs to count by one sighting, where not more than two frames had it on view."""
TRIAL = 5
"""A trial ends after so many frames that had the cell on view, if it was not confirmed before."""
LEAST_SIGHTINGS = 2
MOST_AGAINST = 2
"""So many earlier frames without a sign of a cell are held against a very large one: some may have cut it. Against
others all of them are, up to `TRIAL`."""

BETTER_LOOK = 0.1
"""A refused thing is tried anew when its score exceeds by so much what it was refused with: it may have been seen only
in part, or blurred. So one thing can be tried ten times at most, and flicker does not grow the count."""

TRIED, COUNTED, REFUSED = 0, 1, 2
"""States of a cell: on trial, or to be tried when it is seen again; counted; taken for flicker."""


@dataclass(slots=True, eq=False)  # two cells are never the same one
class KnownCell:
    """One thing that the locator has seen on the slide.

    Attributes:
        number: unique in the session.
        kind: index into `labels.KINDS`; the one seen most, until it counts.
        x, y: centre in its region, pixels of the frame.
        size: geometric mean of its box's sides, pixels.
        score: the best that the locator gave.
        state: `TRIED`, `COUNTED` or `REFUSED`.
        sightings, chances: frames in which it was found, and frames that should have shown it whole.
        kinds: sightings by kind.
        looks: inferences that it has had.
        record: number under which it stands on record with its label; 0 while it does not.
        label: that label.
    """

    number: int
    kind: int
    x: float
    y: float
    size: float
    score: float
    state: int
    sightings: int
    chances: int
    kinds: list[int]
    looks: int = 0
    record: int = 0
    label: str = ""


def verdict(cell: KnownCell, *, left: bool) -> int:
    """Whether a cell on trial counts, is refused, or must be seen again.

    Args:
        cell: as it was seen so far.
        left: it is no longer on view.
    """
    if cell.chances == 1 and cell.score >= SURE_SCORE[cell.kind]:
        return COUNTED
    if cell.sightings >= LEAST_SIGHTINGS and 2 * cell.sightings >= cell.chances:
        return COUNTED
    if cell.chances >= TRIAL:
        return REFUSED
    if left and 2 * cell.sightings >= cell.chances and cell.score >= SINGLE_SCORE:
        return COUNTED
    return TRIED
