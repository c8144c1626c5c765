"""Comparison of two runs: is the change of a median significant?

Measurements within one visit are more alike than those of two visits, so both are resampled: visits, then measurements
within them (a two-stage bootstrap; A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997,
section 3.8). Many figures are compared at once, hence the wide interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from hemato_edge.bench.figures import SCHEMA, Comparison, Report, Verdict
from hemato_edge.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.bench.figures import Figure

CONFIDENCE = 0.99
LEAST_CHANGE = 0.03
"""A change that may be this small is ignored: two runs of the same program differ by as much."""
LEAST_MEASUREMENTS = 5
"""With fewer than this, or all in one visit, the spread between visits is unknown: no verdict."""
_DRAWS = 1000
_MOST_A_VISIT = 60


def read_report(path: Path) -> Report:
    """A run saved with `--json`.

    Raises:
        BenchError: it cannot be read, or is of another kind or version.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BenchError(
            f"{path} cannot be read: {error.strerror}.", "Name what `bench --json > FILE` wrote."
        ) from error
    except ValidationError as error:
        raise BenchError(
            f"{path} is no run of this kind ({SCHEMA}).", "Name what this version's `bench --json > FILE` wrote."
        ) from error


def ratio_interval(
    old: Sequence[Sequence[float]], new: Sequence[Sequence[float]], seed: int = 1
) -> tuple[float, float, float]:
    """Ratio new/old of the medians with its interval: ratio, low, high. Each argument is a list of non-empty visits."""
    chance = np.random.default_rng(seed)
    before, after = _medians(old, chance), _medians(new, chance)
    low, high = np.quantile(after / before, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    ratio = float(np.median(np.concatenate(new)) / np.median(np.concatenate(old)))
    return ratio, min(float(low), ratio), max(float(high), ratio)


def _medians(visits: Sequence[Sequence[float]], chance: np.random.Generator) -> NDArray[np.float64]:
    """Medians of resampled visits, and of resampled measurements within each."""
    lengths = np.array([len(visit) for visit in visits])
    rows = np.full((len(visits), int(lengths.max())), np.nan)
    for row, visit in zip(rows, visits, strict=True):
        row[: len(visit)] = visit
    drawn = chance.integers(0, len(visits), (_DRAWS, len(visits), 1))
    within = chance.random((_DRAWS, len(visits), min(_MOST_A_VISIT, int(lengths.max())))) * lengths[drawn]
    values = rows[drawn, within.astype(np.intp)]
    return np.asarray(np.median(values.reshape(_DRAWS, -1), axis=1), np.float64)


def verdict(ratio: tuple[float, float, float], unit: str) -> Verdict:
    """The verdict for an interval: a change only if all of it lies beyond `LEAST_CHANGE`."""
    _, low, high = ratio
    lower, higher = high < 1 - LEAST_CHANGE, low > 1 + LEAST_CHANGE
    if not lower and not higher:
        return "no difference shown"
    return "faster" if higher == (unit == "frames/s") else "slower"


def compare(old: Iterable[Figure], new: Iterable[Figure], *, trusted: bool = True) -> tuple[Comparison, ...]:
    """Every figure of two runs, in the order of the new one; figures found in only one of them come last.

    Args:
        old: figures of the earlier run.
        new: figures of this one.
        trusted: both runs are reliable; otherwise no figure gets a verdict.
    """
    before, after = ({one.name: one for one in figures} for figures in (old, new))
    both = [_compared(before[name], one, trusted=trusted) for name, one in after.items() if name in before]
    fresh = [_alone(one, "only in this run") for name, one in after.items() if name not in before]
    gone = [_alone(one, "only in the old run") for name, one in before.items() if name not in after]
    return (*both, *fresh, *gone)


def _compared(old: Figure, new: Figure, *, trusted: bool) -> Comparison:
    if any(one.count < LEAST_MEASUREMENTS or len(one.visits) < 2 for one in (old, new)):
        return _without_ratio(new, old.p50, new.p50, "too few measurements")
    ratio = ratio_interval(old.visits, new.visits)
    return Comparison(
        name=new.name,
        unit=new.unit,
        old=old.p50,
        new=new.p50,
        ratio=ratio[0],
        low=ratio[1],
        high=ratio[2],
        verdict=verdict(ratio, new.unit) if trusted else "not to be trusted",
    )


def _alone(one: Figure, said: Verdict) -> Comparison:
    old, new = (one.p50, None) if said == "only in the old run" else (None, one.p50)
    return _without_ratio(one, old, new, said)


def _without_ratio(one: Figure, old: float | None, new: float | None, said: Verdict) -> Comparison:
    return Comparison(name=one.name, unit=one.unit, old=old, new=new, ratio=None, low=None, high=None, verdict=said)
