"""Strata of a site's cells: by what the program said and how sure it was, and which cells to ask a person about.

Reviewed cells are no random sample: people look at those in doubt. Figures weigh each stratum by how many of the cells
belong to it, so they hold for the cells as they occur (post-stratification: D. Holt and T. M. F. Smith, Journal of the
Royal Statistical Society A 142 (1979), 33-46), and the cells that are asked for fill the strata evenly.
"""

from __future__ import annotations

import hashlib
from statistics import median
from typing import TYPE_CHECKING

from hemato_edge.labels import UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from hemato_edge.site.cells import Place, SiteCell

Stratum = tuple[str, str]
"""What the program said, and "sure" or "unsure"."""
SURE, UNSURE = "sure", "unsure"


def strata(cells: Sequence[SiteCell]) -> dict[Stratum, list[SiteCell]]:
    """The cells by their answer, and, where they were answered, by halves of their confidence."""
    by_answer: dict[str, list[SiteCell]] = {}
    for cell in cells:
        by_answer.setdefault(cell.answer, []).append(cell)
    found: dict[Stratum, list[SiteCell]] = {}
    for answer, own in by_answer.items():
        middle = median(cell.confidence for cell in own)
        for cell in own:
            sure = answer != UNCLASSIFIED and cell.confidence > middle
            found.setdefault((answer, SURE if sure else UNSURE), []).append(cell)
    return found


def weights(cells: Sequence[SiteCell], usable: Callable[[SiteCell], bool]) -> tuple[dict[Place, float], int]:
    """How many cells as they occur each usable one stands for, and how many cells nothing stands for.

    A stratum without a usable cell is taken together with the other half of its answer.
    """
    by_stratum = strata(cells)
    weight: dict[Place, float] = {}
    uncovered = 0
    for answer in sorted({answer for answer, _ in by_stratum}):
        halves = [by_stratum.get((answer, half), []) for half in (SURE, UNSURE)]
        groups = halves if all(any(map(usable, half)) for half in halves if half) else [halves[0] + halves[1]]
        for group in groups:
            known = [cell for cell in group if usable(cell)]
            uncovered += len(group) if not known else 0
            weight |= {cell.place: len(group) / len(known) for cell in known}
    return weight, uncovered


def ask_for(
    cells: Sequence[SiteCell], wanted: int, named: Callable[[SiteCell], bool], shown: Collection[Place]
) -> list[SiteCell]:
    """The cells that tell most: until `wanted` are named, the strata are filled evenly.

    Within a stratum the order is by chance, but always the same, so that what is named stays a fair sample of it.

    Args:
        cells: all that were judged.
        wanted: how many are to be named in the end, those that are named already among them.
        named: whether this reader has named a cell.
        shown: places of the cells that can be shown.
    """
    by_stratum = strata(cells)
    have = {stratum: sum(map(named, own)) for stratum, own in by_stratum.items()}
    open_ = {
        stratum: sorted((cell for cell in own if not named(cell) and cell.place in shown), key=_by_chance)
        for stratum, own in by_stratum.items()
    }
    asked: list[SiteCell] = []
    missing = wanted - sum(have.values())
    while len(asked) < missing and any(open_.values()):
        poorest = min((s for s in open_ if open_[s]), key=lambda s: (have[s], s[1] == SURE, s))
        asked.append(open_[poorest].pop())
        have[poorest] += 1
    return asked


def _by_chance(cell: SiteCell) -> bytes:
    return hashlib.sha256(repr(cell.place).encode()).digest()
