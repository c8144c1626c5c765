"""Westgard's rules on a series of control results, each in standard deviations from the mean of its baseline.

J. O. Westgard, P. L. Barry, M. R. Hunt, T. Groth, "A multi-rule Shewhart chart for quality control in clinical
chemistry", Clinical Chemistry 27 (1981), 493-501. There a run has two controls; here a session has one slide, so the
rules look at sessions that follow each other, R-4s included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARNING_RULE = "1-2s"
"""Warns; all others say that something has changed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: as Westgard writes it.
        length: results that it looks at, the newest last.
        holds: whether that many results break it.
        meaning: in words.
    """

    name: str
    length: int
    holds: Callable[[Sequence[float]], bool]
    meaning: str


def _beyond(limit: float) -> Callable[[Sequence[float]], bool]:
    """Whether all lie beyond the same side's limit."""
    return lambda z: min(z) > limit or max(z) < -limit


RULES: tuple[Rule, ...] = (
    Rule(WARNING_RULE, 1, _beyond(2), "one result beyond 2 standard deviations: a warning"),
    Rule("1-3s", 1, _beyond(3), "one result beyond 3 standard deviations"),
    Rule("2-2s", 2, _beyond(2), "two in a row beyond 2 standard deviations on the same side"),
    Rule("R-4s", 2, lambda z: min(z) < -2 and max(z) > 2, "two in a row beyond 2 standard deviations on either side"),
    Rule("4-1s", 4, _beyond(1), "four in a row beyond 1 standard deviation on the same side"),
    Rule("10-x", 10, _beyond(0), "ten in a row on the same side of the mean"),
)


def broken_rules(z: Sequence[float]) -> list[tuple[str, ...]]:
    """The rules that are broken with each result, the oldest first.

    Args:
        z: results in standard deviations from the mean, the oldest first.
    """
    return [
        tuple(rule.name for rule in RULES if end >= rule.length and rule.holds(z[end - rule.length : end]))
        for end in range(1, len(z) + 1)
    ]
