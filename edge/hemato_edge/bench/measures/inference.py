"""Bare inference time by threads and batch, all combinations in turn.

Each visit creates its own engine: the layout of its memory is part of the spread between two runs.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hemato_edge.bench.figures import Gap, ModelFacts
from hemato_edge.bench.measures.timing import Deadline, sample_ms
from hemato_edge.errors import ModelError
from hemato_edge.models.engines.choice import start_engine
from hemato_edge.models.engines.engine import Delegation

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.engines.engine import Runtime

BATCHES = (1, 2, 4, 8, 16)
Task = Literal["classifier", "locator"]
_NAME = re.compile(r"(classifier|locator)\.threads_(\d+)\.batch_(\d+)")


@dataclass(frozen=True, slots=True)
class Combination:
    """A model with a number of threads and a batch."""

    task: Task
    threads: int
    batch: int

    @property
    def name(self) -> str:
        """The name of its figure."""
        return inference_name(self.task, self.threads, self.batch)


def inference_name(task: str, threads: int, batch: int) -> str:
    """The name of a combination's figure."""
    return f"{task}.threads_{threads}.batch_{batch}"


def combination_of(name: str) -> Combination | None:
    """The combination of a figure; None for a figure of another kind."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return Combination("classifier" if match[1] == "classifier" else "locator", int(match[2]), int(match[3]))


def thread_counts(processors: int, set_to: int = 1) -> tuple[int, ...]:
    """1, 2, 4 … up to the number of processors, that number, and the one in the settings."""
    powers = {1 << n for n in range(processors.bit_length()) if 1 << n <= processors}
    return tuple(sorted({*powers, processors, set_to}))


def bare_inference(
    bundle: Bundle, runtime: Runtime, threads: int, batch: int, size: tuple[int, int] | None = None
) -> Callable[[], object]:
    """An inference of `batch` pictures of noise by an engine of its own, to be called repeatedly.

    They have this `size`, height and width, or the network's own.

    Raises:
        ModelError: the runtime cannot make one of that batch.
    """
    engine = start_engine(bundle, runtime, threads)
    try:
        if size is not None and not engine.resize(*size):
            raise ModelError(f"{runtime.name} does not run {bundle.path} on pictures of {size[1]} × {size[0]}.")
        return engine.bare(batch)
    except (RuntimeError, ValueError) as error:
        raise ModelError(" ".join(str(error).split())) from error


def model_facts(bundle: Bundle, runtime: Runtime) -> ModelFacts:
    """How much of a model the delegate runs."""
    known = start_engine(bundle, runtime, 1).delegation() or Delegation(0, 0, 0)
    return ModelFacts(
        task="classify" if bundle.card.task == "classify" else "locate",
        name=bundle.card.name,
        sha256=bundle.sha256,
        operations=known.operations,
        delegated=known.delegated,
        partitions=known.partitions,
    )


class InferenceBench:
    """Visits every combination repeatedly.

    Args:
        bundles: one for each task.
        runtime: runs them.
        threads: numbers to try.
        batches: sizes to try.

    Attributes:
        visits: figure's name → milliseconds per inference of the whole batch, by visit.
        gaps: combinations that are impossible, or take too long here.
    """

    def __init__(
        self,
        bundles: dict[Task, Bundle],
        runtime: Runtime,
        threads: tuple[int, ...],
        batches: tuple[int, ...] = BATCHES,
    ) -> None:
        self.visits: dict[str, list[list[float]]] = defaultdict(list)
        self.gaps: list[Gap] = []
        self._bundles = bundles
        self._runtime = runtime
        self._open = [Combination(task, n, b) for b in batches for task in bundles for n in threads]

    def visit_all(self, seconds: float) -> None:
        """One visit to each combination, sharing the time; any that would exceed its share is given up."""
        deadline = Deadline(seconds)
        planned = list(self._open)
        for i, combination in enumerate(planned):
            self._visit(combination, deadline.left_s / (len(planned) - i), deadline)

    def _visit(self, one: Combination, share_s: float, deadline: Deadline) -> None:
        too_slow = self._expected_s(one) * 4 > max(3 * share_s, 0.2)
        if one.batch > 1 and not self.visits.get(one.name) and (too_slow or deadline.over):
            return self._give_up(one, "it would take longer than its share of the time")
        if deadline.over and self.visits.get(one.name):
            return None
        try:
            began = time.perf_counter()
            infer = bare_inference(self._bundles[one.task], self._runtime, one.threads, one.batch)
        except ModelError as error:
            return self._give_up(one, f"the runtime refuses this batch: {_reason(error)}")
        spent = time.perf_counter() - began
        self.visits[one.name].append(sample_ms(infer, max(0.0, share_s - spent), most=100))
        return None

    def _expected_s(self, one: Combination) -> float:
        """Seconds per inference, estimated from smaller batches."""
        known = [
            min(self.visits[smaller.name][0]) / 1e3 * one.batch / smaller.batch
            for smaller in (Combination(one.task, one.threads, b) for b in BATCHES if b < one.batch)
            if self.visits.get(smaller.name)
        ]
        return known[-1] if known else 0.0

    def _give_up(self, one: Combination, reason: str) -> None:
        self._open = [other for other in self._open if other != one]
        self.visits.pop(one.name, None)
        self.gaps.append(Gap(name=one.name, reason=reason))


def _reason(error: ModelError) -> str:
    return error.message.rpartition("tflite: ")[2] or error.message
