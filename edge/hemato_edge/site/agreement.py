"""Agreement of two readers beyond chance."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.site.parts import Agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.site.cells import SiteCell

LEAST_FOR_KAPPA = 20
"""Cells; with fewer, kappa's interval covers most of its range."""


def agreement(cells: Sequence[SiteCell]) -> Agreement | None:
    """Agreement of the two readers with most cells labelled by both; None if no cell has two labels."""
    pairs = Counter(pair for cell in cells for pair in combinations(sorted(cell.words), 2))
    if not pairs:
        return None
    readers = min(pairs, key=lambda pair: (-pairs[pair], pair))
    first, second = readers
    both = [(cell.words[first], cell.words[second]) for cell in cells if {first, second} <= cell.words.keys()]
    kappa, low, high = cohens_kappa(both)
    same = sum(a == b for a, b in both)
    return Agreement(readers=(first, second), cells=len(both), same=same, kappa=kappa, low=low, high=high)


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> tuple[float, float, float]:
    """Cohen's kappa of two readers' labels and its 95 % interval within -1 and 1.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960),
    37-46. The interval is the exact one of the observed agreement, with the chance agreement as it is, which Cohen's
    standard error takes for given, too; where all words agree, that error would be 0. Kappa is 1 where both used one
    and the same word throughout.

    Raises:
        ValueError: there is no pair.
    """
    n = len(pairs)
    if not n:
        msg = "no cell was named by both"
        raise ValueError(msg)
    observed = sum(a == b for a, b in pairs) / n
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[word] * second[word] for word in first) / n**2
    if chance == 1:
        return 1.0, 1.0, 1.0
    kappa = (observed - chance) / (1 - chance)
    low, high = ((end - chance) / (1 - chance) for end in clopper_pearson(round(observed * n), n))
    return kappa, max(low, -1.0), high
