"""Whether the classifier rejects (leaves unclassified) cells of one class more often than those of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class UnevenRejection:
    """A class whose share among the rejected cells differs from its share among the named ones.

    Attributes:
        label: the class.
        rejected, of_rejected: rejected cells that a reviewer gave this class, and all that a reviewer named.
        named, of_named: cells that the classifier gave this class, and all that it named.
    """

    label: str
    rejected: int
    of_rejected: int
    named: int
    of_named: int

    @property
    def more(self) -> bool:
        """Whether it is rejected more often than the others: its percentage is then too low, else too high."""
        return self.rejected * self.of_named > self.named * self.of_rejected


def uneven_rejection(rejected: Mapping[str, int], named: Mapping[str, int]) -> tuple[UnevenRejection, ...]:
    """The classes whose two shares have disjoint exact 95 % intervals.

    This is stricter than a test at 5 %: for even rejection fewer than one test in a hundred is positive.

    Args:
        rejected: class → cells that the classifier rejected and a reviewer named.
        named: class → cells that the classifier named.
    """
    of_rejected, of_named = sum(rejected.values()), sum(named.values())
    if not of_rejected or not of_named:
        return ()
    found = []
    for label in {**named, **rejected}:
        one, other = rejected.get(label, 0), named.get(label, 0)
        low, high = clopper_pearson(one, of_rejected)
        least, most = clopper_pearson(other, of_named)
        if low > most or high < least:
            found.append(UnevenRejection(label, one, of_rejected, other, of_named))
    return tuple(found)
