"""The central pallor of a session's red cells, and how many of them are hypochromic."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from hemato_edge.counting.red_cells.by_field import bins_by_field, percent_of, together
from hemato_edge.counting.red_cells.sizes import LEAST_CELLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.counting.red_cells.by_field import Sums
    from hemato_edge.counting.red_cells.sizes import End

TALLY = "red_cell_pallor:"
"""What the names of the bins begin with in the record; see `by_field.tally_name`."""
HYPOCHROMIC = 0.5
"""A cell whose pale middle, up to half of the rise to its rim, is wider than this share of its diameter is hypochromic.
Chosen on half of chula's fields, where it says so of 67 % of the hypochromic and 6 % of the normal cells; on the other
half of 91 % and 11 % (`benchmarks/red_cells.py`). Normal cells' middles measure 0.41 so."""
HEALTHY_PERCENT = 10.0
"""Of the cells of healthy donors, those that are called hypochromic (pbc, `benchmarks/red_cells.py`): a grade is given
for what is more."""
LEAST_SEEN = 0.2
"""With fewer cells that show any pallor, it cannot be told: the pictures are blurred, or the film is too thick."""
FEW_CELLS, NO_PALLOR = "few_cells", "no_pallor"
"""Why pallor is not assessed."""
_BINS = 50


def pallor_bin(share: float) -> int:
    """The bin of a pale middle's diameter, as a share of the cell's; 0 where no pallor is seen."""
    return 0 if share <= 0 else max(1, math.ceil(share * _BINS))


@dataclass(frozen=True, slots=True)
class CentralPallor:
    """Central pallor of the measured red cells.

    Attributes:
        cells: how many were looked at.
        seen_percent: of them, how many show a pale middle.
        diameter_percent: median diameter of it, where it is seen, by the cell's; None where it is not assessed.
        hypochromic_percent: of all, (low, value, high) with the 95 % interval; None where it is not assessed.
        not_assessed: why not, `FEW_CELLS` or `NO_PALLOR`; None where it is.
    """

    cells: int
    seen_percent: float
    diameter_percent: float | None
    hypochromic_percent: End | None
    not_assessed: str | None


def central_pallor(tallies: Mapping[str, int]) -> CentralPallor | None:
    """The pallor that the tallies of a session hold; None where none was looked for."""
    fields = bins_by_field(tallies, TALLY)
    whole = together(fields)
    cells = whole.total()
    if not cells:
        return None
    pale = Counter({number: count for number, count in whole.items() if number})
    seen = pale.total() / cells
    if cells < LEAST_CELLS or seen < LEAST_SEEN:
        return CentralPallor(cells, 100 * seen, None, None, FEW_CELLS if cells < LEAST_CELLS else NO_PALLOR)
    middle = 100 * (median(pale.elements()) - 0.5) / _BINS
    return CentralPallor(cells, 100 * seen, middle, percent_of(_pale(fields)), None)


def _pale(fields: list[Counter[int]]) -> list[Sums]:
    """Cells of each field, and those of them that are hypochromic."""
    limit = round(HYPOCHROMIC * _BINS)
    return [(one.total(), sum(count for number, count in one.items() if number > limit)) for one in fields]
