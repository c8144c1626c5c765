"""Whether the classifier leaves the cells of one class unclassified more often than those of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class UnevenRejection:
    """A class whose share among the rejected cells is not its share among the named ones.

    Attributes:
        label: the class.
        rejected, of_rejected: so many of the rejected cells that a person named are of it.
        named, of_named: so many of the cells that the classifier named are of it.
    """

    label: str
    rejected: int
    of_rejected: int
    named: int
    of_named: int

    @property
    def more(self) -> bool:
        """Whether it is rejected more often than the others; then its percentage is too low, else too high."""
        return self.rejected * self.of_named > self.named * self.of_rejected


def uneven_rejection(rejected: Mapping[str, int], named: Mapping[str, int]) -> tuple[UnevenRejection, ...]:
    """The classes for which the exact 95 % intervals of the two shares do not meet.

    That is a stricter test than one at 5 %: of even rejection it is passed by chance in fewer than one of a hundred.

    Args:
        rejected: class → cells that the classifier left unclassified and a person named.
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
