"""Strata of a site's cells: by answer and confidence, and the selection of cells to be reviewed.

Reviewed cells are not a random sample: people review the uncertain ones. Each stratum is weighted by its share of all
cells, so the figures hold for the cells as they occur (post-stratification: D. Holt and T. M. F. Smith, Journal of
the Royal Statistical Society A 142 (1979), 33-46), and the cells that are asked for fill the strata evenly.
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
"""What the program said, and "sure" or "unsure"; of cells that were not answered, the best guess."""
SURE, UNSURE = "sure", "unsure"


def strata(cells: Sequence[SiteCell]) -> dict[Stratum, list[SiteCell]]:
    """The cells by their answer and halves of their confidence; those that were not answered by their best guess."""
    by_answer: dict[str, list[SiteCell]] = {}
    for cell in cells:
        by_answer.setdefault(cell.answer, []).append(cell)
    found: dict[Stratum, list[SiteCell]] = {}
    for answer, own in by_answer.items():
        middle = median(cell.confidence for cell in own)
        for cell in own:
            half = SURE if cell.confidence > middle else UNSURE
            found.setdefault((answer, cell.best if answer == UNCLASSIFIED else half), []).append(cell)
    return found


def weights(cells: Sequence[SiteCell], usable: Callable[[SiteCell], bool]) -> tuple[dict[Place, float], int]:
    """Weight of each usable cell, in cells as they occur, and the number of cells that none represents.

    A stratum without a usable cell is merged with the others of its answer.
    """
    by_answer: dict[str, list[list[SiteCell]]] = {}
    for (answer, _), own in strata(cells).items():
        by_answer.setdefault(answer, []).append(own)
    weight: dict[Place, float] = {}
    uncovered = 0
    for groups in by_answer.values():
        known = [own for own in groups if any(map(usable, own))]
        rest = sum(len(own) for own in groups if own not in known)
        if not known:
            uncovered += rest
        spread = 1 + rest / max(sum(map(len, known)), 1)
        for own in known:
            named = [cell for cell in own if usable(cell)]
            weight |= {cell.place: spread * len(own) / len(named) for cell in named}
    return weight, uncovered


def ask_for(
    cells: Sequence[SiteCell], wanted: int, named: Callable[[SiteCell], bool], shown: Collection[Place]
) -> list[SiteCell]:
    """The most informative cells: the strata are filled evenly until `wanted` are labelled.

    Within a stratum the order is random but reproducible, so labelled cells remain a random sample of it.

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
