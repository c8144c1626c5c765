"""The parts of the bench, and the results they collect."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.bench import judgement
from hemato_edge.bench.figures import WATCHED, Gap, MemoryFacts, Report, Steadiness, figure
from hemato_edge.bench.measures import surroundings
from hemato_edge.bench.measures.frames import Costs, a_session, results_of, sustained_ms, visit_scene, whole_program
from hemato_edge.bench.measures.inference import BATCHES, InferenceBench, model_facts, thread_counts
from hemato_edge.bench.measures.preprocessing import preprocessing_ms
from hemato_edge.bench.measures.scenes import SCENES, draw_scenes
from hemato_edge.bench.measures.start import run_child
from hemato_edge.bench.measures.storage import commit_ms, place_near, temporary_database
from hemato_edge.bench.measures.timing import Deadline, sample_ms
from hemato_edge.bench.measures.viewer import Watching
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.device.machine import Machine
from hemato_edge.device.memory import read_memory
from hemato_edge.device.processor import usable_processors
from hemato_edge.errors import BenchError
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.vision.locate.choice import TFLiteLocator

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.bench.figures import Climate, Figure, SceneFacts, Unit
    from hemato_edge.bench.measures.inference import Task
    from hemato_edge.bench.measures.scenes import Scene, SceneName
    from hemato_edge.models.bundle import Bundle
    from hemato_edge.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        quick: for the record.
        seconds: in total; see `SHARES`.
        starts: number of program starts.
        visits: number of visits to each combination and scene.
        frames: per scene, on a device fast enough to draw them.
        child_frames: frames read by the process whose memory is measured.
    """

    quick: bool
    seconds: float
    starts: int
    visits: int
    frames: int
    child_frames: int


FULL = Plan(quick=False, seconds=100.0, starts=5, visits=5, frames=24, child_frames=150)
QUICK = Plan(quick=True, seconds=12.0, starts=2, visits=2, frames=8, child_frames=20)
"""Fewer and shorter; the figures scatter more."""
_ROOMY_BYTES = 600_000_000
_FEW_FRAMES = 8
"""All frames are held at once, beside the program: 90 MB plus 150 MB are too much for a Pi Zero 2 W."""
SHARES = {
    "drawing the slide": 5,
    "starting the program": 15,
    "loading the models": 3,
    "inference by threads and batch": 25,
    "frames and their stages": 18,
    "memory": 10,
    "preprocessing": 3,
    "the store": 3,
    "the whole program": 8,
    "keeping it up": 10,
}
"""Part → its share of the time. A part that exceeds its share shortens all that follow."""


class BenchSession:
    """One run of the bench: its parts, to be called in order, and their results so far.

    Args:
        settings: the effective ones.
        plan: how much is measured.

    Raises:
        ModelError: see `load_classifier` and `load_locator`.
    """

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings, self._plan, self._machine = settings, plan, Machine()
        self._began = time.monotonic()
        self._before = surroundings.climate(self._machine, "before")
        self._other_load = surroundings.OtherLoad(self._machine)
        self._models = load_models(settings)
        self._runtime = find_runtime(settings.model.runtime)
        self._bundles: dict[Task, Bundle] = {"classifier": self._models.classifier.model.bundle}
        if isinstance(self._models.locator, TFLiteLocator):
            self._bundles["locator"] = self._models.locator.model.bundle
        self._place, gap = place_near(settings.store.path)
        self._gaps: list[Gap] = [gap] if gap else []
        self._visits: dict[str, list[list[float]]] = defaultdict(list)
        self._units: dict[str, Unit] = {}
        self._climates: list[Climate] = []
        self._facts: list[SceneFacts] = []
        self._scenes: dict[SceneName, Scene] = {}
        self._costs = {name: Costs() for name in SCENES}
        self._rates: dict[SceneName, list[float]] = {name: [] for name in SCENES}
        self._memory = MemoryFacts(frames=0, run_mb=None, run_peak_mb=None, bench_peak_mb=0.0)
        self._steady: Steadiness | None = None

    @property
    def parts(self) -> tuple[tuple[str, Callable[[float], None]], ...]:
        """Title and call of each part, in order; a call takes the seconds that the part may use."""
        calls = (
            self._draw,
            self._start,
            self._load,
            self._infer,
            self._analyse,
            self._measure_memory,
            self._preprocess,
            self._commit,
            self._run_whole,
            self._sustain,
        )
        return tuple(zip(SHARES, calls, strict=True))

    def seconds_for(self, part: str) -> float:
        """Seconds that a part may take: its share, or less if earlier parts took longer."""
        names = list(SHARES)
        to_come = sum(SHARES[name] for name in names[names.index(part) :])
        left = max(0.0, self._plan.seconds - (time.monotonic() - self._began))
        return min(self._plan.seconds * SHARES[part] / sum(SHARES.values()), left * SHARES[part] / to_come)

    def _draw(self, seconds: float) -> None:
        available = read_memory(self._machine).available
        tight = available is not None and available < _ROOMY_BYTES
        self._scenes = draw_scenes(_FEW_FRAMES if tight else self._plan.frames, seconds)

    def _start(self, seconds: float) -> None:
        import cv2

        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "field.png"
            cv2.imwrite(str(picture), self._scenes["worst"].frames[0].image)
            deadline = Deadline(seconds)
            for turn in range(self._plan.starts):
                if turn and deadline.over:
                    break
                one = run_child(self._settings, str(picture), 1, self._place, 60.0)
                if turn == 0 and self._plan.starts > 2 and deadline.left_s > seconds / 2:
                    continue  # it filled the file cache, as in daily use
                for name, ms in one.milestones_ms.items():
                    self._visits[name].append([ms])
                self._visits["start.processor_time"].append([one.processor_s * 1e3])

    def _measure_memory(self, seconds: float) -> None:
        moving = [ms for visit in self._costs["moving"].frame for ms in visit]
        affordable = 1e3 * seconds / statistics.median(moving) if moving else 0
        frames, run_mb, peak = max(10, min(self._plan.child_frames, int(affordable))), None, None
        try:
            one = run_child(self._settings, "demo", frames, self._place, 60.0)
        except BenchError as error:
            self._gaps.append(Gap(name="memory", reason=error.message))
        else:
            peak = one.peak_mb
            run_mb = one.resident_mb[-1] if one.resident_mb else None
        own = surroundings.own_peak_mb()
        self._memory = MemoryFacts(frames=frames, run_mb=run_mb, run_peak_mb=peak, bench_peak_mb=own)

    def _load(self, seconds: float) -> None:
        for _ in range(self._plan.visits):
            times = sample_ms(
                lambda: load_models(self._settings), seconds / self._plan.visits, warm_up=1, least=1, most=8
            )
            self._visits["models.load"].append(times)

    def _infer(self, seconds: float) -> None:
        counts = thread_counts(usable_processors(), self._settings.model.threads)
        bench = InferenceBench(self._bundles, self._runtime, counts, BATCHES)
        deadline = Deadline(seconds)
        for left in range(self._plan.visits, 0, -1):
            bench.visit_all(deadline.left_s / left)
        self._visits.update(bench.visits)
        self._gaps += bench.gaps

    def _analyse(self, seconds: float) -> None:
        deadline = Deadline(seconds)
        for left in range(self._plan.visits, 0, -1):
            if deadline.over and left < self._plan.visits:
                break
            for name in SCENES:
                visit_scene(
                    self._scenes[name],
                    self._models,
                    self._settings,
                    self._costs[name],
                    Deadline(deadline.left_s / left / len(SCENES)),
                )
        for name, own in self._costs.items():
            self._visits[f"frame.{name}"] = own.frame
            for stage, visits in own.stages.items():
                self._visits[f"stage.{name}.{stage}"] = visits

    def _preprocess(self, seconds: float) -> None:
        for _ in range(self._plan.visits):
            for name, times in preprocessing_ms(
                self._scenes["worst"], self._models, self._settings, seconds / self._plan.visits
            ).items():
                self._visits[name].append(times)

    def _commit(self, seconds: float) -> None:
        results = results_of(self._scenes["worst"].frames[:6], self._models, self._settings)
        if not results:
            self._gaps.append(Gap(name="store.commit", reason="the quality gate of the settings rejects every field"))
            return
        for _ in range(self._plan.visits):
            with temporary_database(self._place) as writer:
                deadline = Deadline(seconds / self._plan.visits)
                self._visits["store.commit"].append(commit_ms(writer, a_session(self._models), results, deadline))

    def _run_whole(self, seconds: float) -> None:
        deadline = Deadline(seconds)
        for turn in range(self._plan.visits):
            if turn and deadline.over:
                break
            for name in SCENES:
                with temporary_database(self._place) as writer:
                    measured = whole_program(self._scenes[name], self._models, self._settings, writer)
                self._rates[name] += measured
                self._visits[f"program.{name}"].append(measured)
                self._units[f"program.{name}"] = "frames/s"
            with temporary_database(self._place) as writer, Watching() as somebody:
                measured = whole_program(
                    self._scenes["moving"], self._models, self._settings, writer, somebody.viewfinder
                )
            self._visits[WATCHED].append(measured)
            self._units[WATCHED] = "frames/s"
        for name in SCENES:
            if any(self._costs[name].frame):
                self._facts.append(judgement.scene_facts(name, self._costs[name], self._rates[name]))
            else:
                reason = f"the quality gate rejected all {self._costs[name].rejected} frames"
                self._gaps.append(Gap(name=f"frame.{name}", reason=reason))

    def _sustain(self, seconds: float) -> None:
        began = time.monotonic()
        rounds = sustained_ms(self._scenes["worst"], self._models, self._settings, Deadline(seconds))
        self._visits["sustained.worst"] = rounds
        self._steady = judgement.steadiness(rounds, time.monotonic() - began)
        if self._steady is None:
            self._gaps.append(Gap(name="steadiness", reason="too few rounds in the available time"))

    def record_climate(self) -> None:
        """Record temperature and throttling of the board now."""
        self._climates.append(surroundings.climate(self._machine, "during"))

    def report(self) -> Report:
        """The results; to be called last."""
        figures: dict[str, Figure] = {
            name: figure(name, visits, self._units.get(name, "ms"))
            for name, visits in self._visits.items()
            if any(visits)
        }
        models = tuple(model_facts(bundle, self._runtime) for bundle in self._bundles.values())
        device = surroundings.describe(self._machine, self._runtime, self._settings.model.threads, models)
        climates = (self._before, *self._climates, surroundings.climate(self._machine, "after"))
        shares = self._other_load.shares()
        doubts = surroundings.doubts(self._before, climates, device, shares) + judgement.unsteady(figures)
        return Report(
            version=device.versions["hemato-edge"],
            utc=datetime.now(timezone.utc),
            seconds=round(time.monotonic() - self._began, 1),
            quick=self._plan.quick,
            device=device,
            climate=climates,
            figures=tuple(figures.values()),
            scenes=tuple(self._facts),
            memory=self._memory,
            steadiness=self._steady,
            limits=tuple(judgement.limits(figures, self._facts, device, self._steady)),
            doubts=tuple(doubts),
            gaps=tuple(self._gaps),
        )
