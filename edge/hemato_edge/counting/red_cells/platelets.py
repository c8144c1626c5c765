"""Platelets of a session beside its red cells: how many to a thousand of them, giant ones, and clumps.

A count per litre is an estimate by one of two rules of thumb. Per oil-immersion field: one platelet in a field of a
100x objective stands for 15 to 20 x 10^9 per litre, where the red cells lie side by side. Per red cell: platelets over
red cells times the red-cell count that a counter gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.counting.red_cells.sizes import End

SEEN, GIANT, CLUMPED = "platelets_seen", "platelets_giant", "platelets_clumped"
"""Names in the record: platelets that were looked at, of them those larger than a red cell, and those in clumps."""
PER_OIL_FIELD = (15.0, 20.0)
"""10^9 per litre for one platelet in an oil-immersion field: the two factors in common use. Laboratories count 15 with
one objective and blood, 20 with another; each should find its own against a counter (LabCE, "Platelet Estimates")."""
OIL_FIELD_MM2 = 0.0314
"""Area of an oil-immersion field: a 100x objective with an eyepiece of field number 20, as in the settings' factors."""
CLUMPS_FROM = 0.05
"""Share of the platelets in clumps from which on the estimate is marked as too low: clumped platelets are counted less
than they are."""
LEAST_SEEN = 20
"""Platelets below which a share of giant ones or of clumps is not told."""


@dataclass(frozen=True, slots=True)
class PlateletLooks:
    """Platelets that were looked at one by one.

    Attributes:
        seen: how many.
        giant: of them, larger than a red cell.
        clumped: of them, in clumps of three or more.
        clumps: whether these are so many that counts of platelets are too low; None for fewer than `LEAST_SEEN`.
    """

    seen: int
    giant: int
    clumped: int
    clumps: bool | None


def platelet_looks(tallies: Mapping[str, int]) -> PlateletLooks | None:
    """What the tallies of a session hold of platelets; None where none was looked at."""
    seen, giant, clumped = (tallies.get(name, 0) for name in (SEEN, GIANT, CLUMPED))
    if not seen:
        return None
    few = seen < LEAST_SEEN
    return PlateletLooks(seen, giant, clumped, None if few else clumped >= CLUMPS_FROM * seen)


def by_red_count(ratio: End, red_e12_per_l: float) -> End:
    """10^9 platelets per litre, from their number per 1,000 red cells and a red-cell count, 10^12 per litre."""
    low, value, high = ratio
    return low * red_e12_per_l, value * red_e12_per_l, high * red_e12_per_l


def by_oil_field(per_mm2: End) -> End:
    """10^9 platelets per litre, from platelets per square millimetre.

    By the middle of the two factors; from the lower end with the lesser one to the upper end with the greater.
    """
    less, more = (OIL_FIELD_MM2 * factor for factor in PER_OIL_FIELD)
    low, value, high = per_mm2
    return low * less, value * (less + more) / 2, high * more
