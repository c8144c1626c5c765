"""Measured red cells as the record keeps them, counted in bins field by field, and intervals by resampling the fields.

Cells of one field share its focus, thickness and light, so that fields and not cells are drawn with replacement (Efron
and Tibshirani, "An Introduction to the Bootstrap", 1993). Without NumPy, which a report does not load.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from statistics import pstdev
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Z = 1.96
LEAST_FIELDS = 5
"""With fewer, fields cannot be resampled; an interval is then of the sampling of cells alone."""
RESAMPLES, SEED = 1000, 7
Sums = tuple[float, ...]
"""What is added up over fields; the first is the number of cells."""


def tally_name(what: str, field: int, number: int) -> str:
    """The name in the record of a bin of a field: how many cells of the field lie in it.

    Args:
        what: what was measured, ending with a colon.
        field: number of the measured field, from 0 in each session.
        number: of the bin.
    """
    return f"{what}{field}:{number}"


def bins_by_field(tallies: Mapping[str, int], what: str) -> list[Counter[int]]:
    """The bins of each field that the tallies of a session hold.

    Sessions from before fields were told apart have names without one: their cells are one field.
    """
    found: dict[str, Counter[int]] = {}
    for name, count in tallies.items():
        *field, number = name.removeprefix(what).split(":")
        if name.startswith(what) and len(field) <= 1 and count and all(part.isdecimal() for part in (*field, number)):
            found.setdefault("".join(field), Counter())[int(number)] += count
    return list(found.values())


def together(fields: list[Counter[int]]) -> Counter[int]:
    """All fields as one."""
    whole: Counter[int] = Counter()
    for one in fields:
        whole.update(one)
    return whole


def added(fields: Sequence[Sums]) -> Sums:
    """The sums of fields, added up."""
    return tuple(map(sum, zip(*fields, strict=True)))


def resampled(fields: Sequence[Sums]) -> list[Sums]:
    """Sums over fields drawn anew, `RESAMPLES` times; draws of one cell or none are left out."""
    draw = random.Random(SEED)  # noqa: S311 - statistics, no secret
    drawn = (added(draw.choices(fields, k=len(fields))) for _ in range(RESAMPLES))
    return [one for one in drawn if one[0] > 1]


def around(value: float, drawn: Sequence[float], freedom: int) -> tuple[float, float]:
    """The 95 % interval of a positive figure from its resampled values: Student's t of their logarithms.

    The ends of the values themselves are too close together where fields are few. Student's t from the normal
    distribution by its expansion (Abramowitz and Stegun 26.7.5).

    Args:
        value: the figure.
        drawn: the same of fields drawn anew.
        freedom: number of fields less one.
    """
    reach = _t(freedom) * pstdev(math.log(one) for one in drawn if one > 0)
    return value * math.exp(-reach), value * math.exp(reach)


def percent_of(fields: Sequence[Sums]) -> tuple[float, float, float]:
    """Percent of the cells that were found to be something, (low, value, high) with the 95 % interval.

    The wider of two intervals stands: the exact one of the cells, and Student's t of the fields drawn anew.

    Args:
        fields: cells of each field, and those that were found to be it.
    """
    cells, found = added(fields)
    low, high = clopper_pearson(found, cells)
    share = found / cells
    if len(fields) >= LEAST_FIELDS:
        reach = _t(len(fields) - 1) * pstdev(one[1] / one[0] for one in resampled(fields))
        low, high = min(low, max(share - reach, 0.0)), max(high, min(share + reach, 1.0))
    return 100 * low, 100 * share, 100 * high


def _t(freedom: int) -> float:
    """By how many standard deviations of resampled figures the interval reaches, from `freedom` + 1 fields."""
    t = _Z + (_Z**3 + _Z) / (4 * freedom) + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * freedom**2)
    return t * math.sqrt((freedom + 1) / freedom)
