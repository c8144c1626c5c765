"""Cost of a frame: every stage of it, by scene, and the throughput of the whole program."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.bench.measures.scenes import PreparedCamera, on_its_own
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.store.records import FINISHED, SessionStart
from hemato_edge.values import FieldResult
from hemato_edge.vision.classify.portraits import developed
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    from hemato_edge.bench.measures.scenes import Scene
    from hemato_edge.bench.measures.timing import Deadline
    from hemato_edge.bench.measures.watch import TimedModels
    from hemato_edge.pipeline.running.run_state import Viewer
    from hemato_edge.settings import Settings
    from hemato_edge.store.writer import Writer
    from hemato_edge.values import Frame

_STRETCH = 8
"""Frames over which a rate is measured."""
LEAST_FRAMES = 5


@dataclass(slots=True)
class Costs:
    """Milliseconds per frame of one scene, by visit.

    Attributes:
        frame: whole frames, except those rejected by the quality gate.
        stages: each of their stages, by its name in `FieldResult.latency_ms`.
        inference: time inside the models.
        rejected: frames that the quality gate rejected.
    """

    frame: list[list[float]] = field(default_factory=list)
    stages: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    inference: list[list[float]] = field(default_factory=list)
    rejected: int = 0

    @property
    def inference_share(self) -> float:
        """Share of the time of all frames, 0 to 1."""
        spent = sum(map(sum, self.frame))
        return sum(map(sum, self.inference)) / spent if spent else 0.0


def new_analyzer(models: TimedModels, settings: Settings) -> FieldAnalyzer:
    """An analyser for a new session, without calibration profile: that belongs to a microscope, not a drawn slide."""
    return FieldAnalyzer(QualityGate(**settings.quality.model_dump()), models.locator, models.classifier)


def visit_scene(scene: Scene, models: TimedModels, settings: Settings, costs: Costs, deadline: Deadline) -> None:
    """Analyse a scene's frames as one session until frames or time run out; adds one visit to `costs`."""
    analyzer = new_analyzer(models, settings)
    for frame in scene.frames[: scene.lead]:
        analyzer.analyze(frame)
    whole: list[float] = []
    inside: list[float] = []
    stages: dict[str, list[float]] = defaultdict(list)
    for frame in scene.frames[scene.lead :]:
        if deadline.over and len(whole) >= LEAST_FRAMES:
            break
        models.take_ms()
        began = time.perf_counter()
        result = analyzer.analyze(frame)
        spent = (time.perf_counter() - began) * 1e3
        if not isinstance(result, FieldResult):
            costs.rejected += 1
            continue
        whole.append(spent)
        inside.append(models.take_ms())
        for name, ms in result.latency_ms.items():
            stages[name].append(ms)
    costs.frame.append(whole)
    costs.inference.append(inside)
    for name, own in stages.items():
        costs.stages[name].append(own)


def results_of(frames: tuple[Frame, ...], models: TimedModels, settings: Settings) -> list[FieldResult]:
    """The results of frames, each a stand-alone field: all its cells are in the result, with their portraits."""
    analyzer = new_analyzer(models, settings)
    found = (analyzer.analyze(on_its_own(frame)) for frame in frames)
    return [developed(result) for result in found if isinstance(result, FieldResult)]


def sustained_ms(scene: Scene, models: TimedModels, settings: Settings, deadline: Deadline) -> list[list[float]]:
    """The worst case without pauses until the time is up: milliseconds of each frame, one list per round."""
    rounds: list[list[float]] = []
    while not deadline.over:
        costs = Costs()
        visit_scene(scene, models, settings, costs, deadline)
        rounds += [visit for visit in costs.frame if visit]
        if not rounds:
            break
    return rounds


def whole_program(
    scene: Scene, models: TimedModels, settings: Settings, writer: Writer, viewer: Viewer | None = None
) -> list[float]:
    """Frames per second with all threads, queues and the store active, one value per stretch of frames.

    Args:
        scene: its frames.
        models: as loaded for the bench.
        settings: the effective ones.
        writer: of an empty database.
        viewer: who is shown each frame; None: nobody.
    """
    camera = PreparedCamera(scene.frames, Counter())
    daemon = Daemon(
        GuardedCamera(camera),
        new_analyzer(models, settings),
        writer,
        lambda: writer.start_session(a_session(models)),
        Limits(),
        viewer=viewer,
    )
    daemon.run(every_s=0.02)
    if daemon.session is not None:
        writer.end_session(daemon.session, FINISHED, datetime.now(timezone.utc))
    at = np.array(camera.read_at[scene.lead :])
    ends = at[::_STRETCH]
    return (_STRETCH / np.diff(ends)).tolist() if len(ends) > 1 else []


def a_session(models: TimedModels) -> SessionStart:
    """A session of the bench in its own temporary database."""
    bundle = models.classifier.model.bundle
    now = datetime.now(timezone.utc)
    return SessionStart("bench", "", None, bundle.card.name, bundle.sha256, {}, {}, now, time.monotonic())
