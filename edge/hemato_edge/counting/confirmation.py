"""When a detection counts as a cell: k of n sightings, or one confident sighting."""

from __future__ import annotations

from dataclasses import dataclass

SURE_SCORE = (0.95, 0.95, 0.97)
"""By kind: the locator score at which a cell counts at its first sighting."""
SINGLE_SCORE = 0.6
"""Minimum score of a cell that counts on one sighting, where at most two frames could have shown it."""
TRIAL = 5
"""A trial ends after this many frames that should have shown the cell, unless it was confirmed before."""
LEAST_SIGHTINGS = 2
MOST_AGAINST = 2
"""At most this many earlier frames without a detection count against a cell too large for its kind's margin: some may
have cut it. For all others up to `TRIAL` of them do."""

BETTER_LOOK = 0.1
"""A rejected detection is tried again when its score rises by at least this much: it may have been cut or blurred
before. This limits one object to ten trials, so that flicker does not inflate the count."""

TRIED, COUNTED, REFUSED = 0, 1, 2
"""States of a cell: on trial (or awaiting its next sighting); counted; rejected as flicker."""


@dataclass(slots=True, eq=False)  # two cells are never the same one
class KnownCell:
    """One object on the slide that the locator has detected.

    Attributes:
        number: unique in the session.
        kind: index into `labels.KINDS`; the most frequent one until the cell counts.
        x, y: centre in its region, pixels of the frame.
        size: geometric mean of its box's sides, pixels.
        score: the locator's highest, 0 to 1.
        state: `TRIED`, `COUNTED` or `REFUSED`.
        sightings, chances: frames in which it was detected, and frames that should have shown it whole.
        kinds: sightings by kind.
        looks: classifier inferences so far.
        record: its number in the store; 0 until it is recorded.
        label: the recorded label.
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
    """Whether a cell on trial counts, is rejected, or needs further sightings.

    Args:
        cell: its sightings so far.
        left: it is no longer in view.
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
