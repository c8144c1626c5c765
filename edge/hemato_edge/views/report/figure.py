"""A figure with its interval, as every format of a report shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; `ci_high` is None where the interval has no end."""

    ci_low: float
    value: float
    ci_high: float | None
