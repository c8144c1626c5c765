"""The bench as a whole: yields how far it is, and at last its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.bench.session import FULL, Course

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.bench.figures import Report
    from hemato_edge.bench.session import Plan
    from hemato_edge.settings import Settings


@dataclass(frozen=True, slots=True)
class Progress:
    """What is measured next, and how much of the bench is done, from 0 to 1."""

    part: str
    done: float


def measure(settings: Settings, plan: Plan = FULL) -> Iterator[Progress | Report]:
    """Measure this device; the last value is the report, all others say how far it is.

    Args:
        settings: the effective ones; the calibration profile and the camera are not used.
        plan: `FULL` or `QUICK`.

    Raises:
        ModelError: see `load_classifier` and `load_locator`.
        BenchError: if the program cannot be started.
    """
    course = Course(settings, plan)
    for number, (title, part) in enumerate(course.parts):
        yield Progress(title, number / len(course.parts))
        part(course.seconds_for(title))
        course.look_at_the_board()
    yield course.report()
