"""The bench as a whole: yields its progress, and finally its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.bench.session import FULL, BenchSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.bench.figures import Report
    from hemato_edge.bench.session import Plan
    from hemato_edge.settings import Settings


@dataclass(frozen=True, slots=True)
class Progress:
    """The next part, and the share of the bench that is done, 0 to 1."""

    part: str
    done: float


def measure(settings: Settings, plan: Plan = FULL) -> Iterator[Progress | Report]:
    """Measure this device; yields progress, and the report as the last value.

    Args:
        settings: the effective ones; the calibration profile and the camera are not used.
        plan: `FULL` or `QUICK`.

    Raises:
        ModelError: see `load_classifier` and `load_locator`.
        BenchError: the program cannot be started.
    """
    session = BenchSession(settings, plan)
    for number, (title, part) in enumerate(session.parts):
        yield Progress(title, number / len(session.parts))
        part(session.seconds_for(title))
        session.record_climate()
    yield session.report()
