"""The best number of threads on this device: whole frames of new cells, all candidates in turn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hemato_edge.bench.comparison import LEAST_CHANGE, ratio_interval
from hemato_edge.bench.figures import Figure, Part, figure
from hemato_edge.bench.measures.frames import Costs, visit_scene
from hemato_edge.bench.measures.inference import thread_counts
from hemato_edge.bench.measures.scenes import draw_scenes
from hemato_edge.bench.measures.timing import Deadline
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.device.processor import usable_processors
from hemato_edge.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hemato_edge.settings import Settings


class Candidate(Part):
    """A number of threads, and its frame time relative to the number in the settings."""

    threads: int
    frame_ms: Figure
    ratio: float = Field(description="median frame time relative to that with the number in the settings")
    low: float = Field(description="99 % interval")
    high: float


class Tuning(Part):
    """The result. `best` is `current` unless another number is significantly better."""

    schema_: Literal["hemato-edge/bench-tune/1"] = Field("hemato-edge/bench-tune/1", alias="schema")
    current: int
    best: int
    candidates: tuple[Candidate, ...]
    written: str | None = Field(None, description="the changed file")

    @property
    def improves(self) -> bool:
        """Whether another number is significantly better."""
        return self.best != self.current


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """Time limit in seconds, visits to each candidate, frames per visit."""

    seconds: float
    visits: int
    frames: int


FULL = TuningPlan(60.0, 12, 16)
QUICK = TuningPlan(12.0, 3, 8)


def tune(settings: Settings, plan: TuningPlan = FULL) -> Iterator[float | Tuning]:
    """Measure; yields the share done, and finally the result.

    Raises:
        BenchError: the settings' quality gate rejects every frame.
    """
    current = settings.model.threads
    candidates = {n: load_models(settings, n) for n in thread_counts(usable_processors(), current)}
    scene = draw_scenes(plan.frames, plan.seconds / 5)["worst"]
    costs = {n: Costs() for n in candidates}
    deadline = Deadline(plan.seconds)
    orders = itertools.cycle((list(candidates), list(reversed(candidates))))
    steps = plan.visits * len(candidates)
    for visit, order in zip(range(plan.visits), orders, strict=False):
        if visit >= 3 and deadline.over:
            break
        for place, threads in enumerate(order):
            done = visit * len(candidates) + place
            yield done / steps
            visit_scene(
                scene, candidates[threads], settings, costs[threads], Deadline(deadline.left_s / (steps - done))
            )
    visits = {n: [visit for visit in cost.frame if visit] for n, cost in costs.items()}
    if not all(visits.values()):
        raise BenchError("The quality gate rejects every drawn frame.", "Look at [quality] in the settings.")
    yield judge(current, visits)


def judge(current: int, visits: Mapping[int, Sequence[Sequence[float]]]) -> Tuning:
    """The best number of threads: other than `current` only if significantly faster.

    Args:
        current: the number in the settings.
        visits: number of threads → milliseconds of frames, by visit; includes `current`.
    """
    found = []
    for threads, own in sorted(visits.items()):
        ratio, low, high = (1.0, 1.0, 1.0) if threads == current else ratio_interval(visits[current], own)
        frame = figure(f"frame.worst.threads_{threads}", [list(visit) for visit in own])
        found.append(Candidate(threads=threads, frame_ms=frame, ratio=ratio, low=low, high=high))
    better = [one for one in found if one.high < 1 - LEAST_CHANGE]
    best = min(better, key=lambda one: one.ratio).threads if better else current
    return Tuning(current=current, best=best, candidates=tuple(found))
