"""What a frame costs: every stage of it, by scene, and how many frames a second the whole program takes."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.bench.scenes import PreparedCamera, on_its_own
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.pipeline.daemon import Daemon, Limits
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.store.records import FINISHED, SessionStart
from hemato_edge.values import FieldResult
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    from hemato_edge.bench.scenes import Scene
    from hemato_edge.bench.timing import Deadline
    from hemato_edge.bench.watch import Eyes
    from hemato_edge.settings import Settings
    from hemato_edge.store.writer import Writer
    from hemato_edge.values import Frame

_STRETCH = 8
"""Frames over which a rate is taken."""
LEAST_FRAMES = 5


@dataclass(slots=True)
class Costs:
    """Milliseconds of the frames of one scene, by visit.

    Attributes:
        frame: of whole frames; those that the quality gate rejected are not among them.
        stages: of each stage of them, by its name in `FieldResult.latency_ms`.
        inference: of what passed inside the models.
        rejected: frames that the quality gate rejected.
    """

    frame: list[list[float]] = field(default_factory=list)
    stages: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    inference: list[list[float]] = field(default_factory=list)
    rejected: int = 0

    @property
    def inference_share(self) -> float:
        """Of the time of all frames, from 0 to 1."""
        spent = sum(map(sum, self.frame))
        return sum(map(sum, self.inference)) / spent if spent else 0.0


def new_analyzer(eyes: Eyes, settings: Settings) -> FieldAnalyzer:
    """A fresh session's. Without the calibration profile: it belongs to a microscope, the drawn slide has none."""
    return FieldAnalyzer(QualityGate(**settings.quality.model_dump()), eyes.locator, eyes.classifier)


def visit_scene(scene: Scene, eyes: Eyes, settings: Settings, costs: Costs, deadline: Deadline) -> None:
    """Analyse a scene's frames as one session, until they or the time end; adds one visit to `costs`."""
    analyzer = new_analyzer(eyes, settings)
    for frame in scene.frames[: scene.lead]:
        analyzer.analyze(frame)
    whole: list[float] = []
    inside: list[float] = []
    stages: dict[str, list[float]] = defaultdict(list)
    for frame in scene.frames[scene.lead :]:
        if deadline.over and len(whole) >= LEAST_FRAMES:
            break
        eyes.take_ms()
        began = time.perf_counter()
        result = analyzer.analyze(frame)
        spent = (time.perf_counter() - began) * 1e3
        if not isinstance(result, FieldResult):
            costs.rejected += 1
            continue
        whole.append(spent)
        inside.append(eyes.take_ms())
        for name, ms in result.latency_ms.items():
            stages[name].append(ms)
    costs.frame.append(whole)
    costs.inference.append(inside)
    for name, own in stages.items():
        costs.stages[name].append(own)


def results_of(frames: tuple[Frame, ...], eyes: Eyes, settings: Settings) -> list[FieldResult]:
    """What the frames add, each as a field of its own: all that they show is in the result."""
    analyzer = new_analyzer(eyes, settings)
    found = (analyzer.analyze(on_its_own(frame)) for frame in frames)
    return [result for result in found if isinstance(result, FieldResult)]


def sustained_ms(scene: Scene, eyes: Eyes, settings: Settings, deadline: Deadline) -> list[list[float]]:
    """The worst case without a pause until the time ends: milliseconds of each frame, one list a round."""
    rounds: list[list[float]] = []
    while not deadline.over:
        costs = Costs()
        visit_scene(scene, eyes, settings, costs, deadline)
        rounds += [visit for visit in costs.frame if visit]
        if not rounds:
            break
    return rounds


def whole_program(scene: Scene, eyes: Eyes, settings: Settings, writer: Writer) -> list[float]:
    """Frames a second with all threads, queues and the store at work, one value a stretch of frames."""
    camera = PreparedCamera(scene.frames, Counter())
    daemon = Daemon(
        GuardedCamera(camera),
        new_analyzer(eyes, settings),
        writer,
        lambda: writer.start_session(a_session(eyes)),
        Limits(),
    )
    daemon.run(every_s=0.02)
    if daemon.session is not None:
        writer.end_session(daemon.session, FINISHED, datetime.now(timezone.utc))
    at = np.array(camera.read_at[scene.lead :])
    ends = at[::_STRETCH]
    return (_STRETCH / np.diff(ends)).tolist() if len(ends) > 1 else []


def a_session(eyes: Eyes) -> SessionStart:
    """A session of the bench in its own passing database."""
    bundle = eyes.classifier.model.bundle
    now = datetime.now(timezone.utc)
    return SessionStart("bench", "", None, bundle.card.name, bundle.sha256, {}, {}, now, time.monotonic())
