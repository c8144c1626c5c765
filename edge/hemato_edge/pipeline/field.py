"""One frame → what it adds: gate, locate, register, ledger, classify."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemato_edge.counting.ledger import Ledger
from hemato_edge.counting.registration import Registration
from hemato_edge.labels import LEUKOCYTES
from hemato_edge.pipeline.calibrated import OTHER_SIZE
from hemato_edge.values import Cell, Detections, FieldResult, Frame, Pose, Quality
from hemato_edge.vision.look import LookEstimator
from hemato_edge.vision.portraits import take_portrait

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.pipeline.calibrated import SessionCalibration
    from hemato_edge.vision.classifier import Classifier
    from hemato_edge.vision.locator import Locator
    from hemato_edge.vision.look import SlideLook
    from hemato_edge.vision.quality import QualityGate

NO_SCALE = "no_scale"
"""Reject reason of a frame with white cells and nothing whose size is known: no crop can be cut from it."""


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds by stage of one frame."""

    latency_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        yield
        self.latency_ms[name] = self.latency_ms.get(name, 0.0) + (time.perf_counter() - started) * 1e3


class FieldAnalyzer:
    """Turns the frames of one session into results. Holds the session's memory: tracking, ledger, look of the slide.

    Args:
        gate, locator, classifier: the parts that see.
        calibration: of the microscope, or None; its flat field comes before everything else.
    """

    def __init__(
        self,
        gate: QualityGate,
        locator: Locator,
        classifier: Classifier,
        calibration: SessionCalibration | None = None,
    ) -> None:
        self.calibration = calibration
        self.looks = LookEstimator()
        self.registration = Registration()
        self.look: SlideLook | None = None
        self.leukocytes = 0
        self._gate = gate
        self._locator = locator
        self._classifier = classifier
        self._ledger = Ledger()

    def analyze(self, frame: Frame) -> FieldResult | Quality:
        """What a frame adds, or, if it was rejected, its quality with the reason.

        Frames must come in the order in which they were taken.
        """
        watch = Stopwatch()
        if self.calibration is not None:
            if not self.calibration.fits(frame):
                return Quality(OTHER_SIZE)
            with watch.stage("calibrate"):
                frame = self.calibration.corrected(frame)
        with watch.stage("quality"):
            quality = self._gate.assess(frame.image, red_cell_px=self.looks.red_cell_px)
        if quality.reject:
            if not frame.independent:
                self.registration.follow(frame.image)
            return quality
        with watch.stage("locate"):
            detections, nuclei = self._locator.locate_with_nuclei(frame.image, red_cell_px=self.looks.red_cell_px)
            self.looks.add_field(frame.image, detections, nuclei)
        self.look = look = self.looks.look()
        if look is None:
            return Quality(NO_SCALE, quality.measures)
        with watch.stage("register"):
            pose = None if frame.independent else self.registration.locate(frame.image)
        return self._count(frame, quality, detections, look, pose, watch)

    def warning(self) -> str | None:
        """The name of what makes the session doubtful, or None."""
        if self.calibration is None:
            return None
        return self.calibration.compare(self.looks.scale.red_cell_px, self.looks.scale.looks)

    def _count(
        self,
        frame: Frame,
        quality: Quality,
        detections: Detections,
        look: SlideLook,
        pose: Pose | None,
        watch: Stopwatch,
    ) -> FieldResult:
        height, width = frame.image.shape[:2]
        new = self._ledger.admit(detections, pose, look.red_cell_px, (width, height))
        with watch.stage("classify"):
            cells = self._judge(frame, detections, new.white, look, pose)
        self.leukocytes += sum(cell.judgement.label in LEUKOCYTES for cell in cells)
        return FieldResult(
            frame_index=frame.index,
            utc=frame.utc,
            monotonic_s=frame.monotonic_s,
            source=frame.source,
            width=width,
            height=height,
            pose=pose,
            seen=detections.counts(),
            new_cells=cells,
            new_red_cells=len(new.red),
            new_platelets=len(new.platelets),
            quality=quality,
            latency_ms=watch.latency_ms,
        )

    def _judge(
        self, frame: Frame, detections: Detections, new: NDArray[np.intp], look: SlideLook, pose: Pose | None
    ) -> tuple[Cell, ...]:
        chosen = detections.select(new)
        judgements = self._classifier.judge(frame.image, chosen.boxes, look)
        left, top = (pose.x_px, pose.y_px) if pose else (0.0, 0.0)
        return tuple(
            Cell(
                x_px=float(x) + left,
                y_px=float(y) + top,
                box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                diameter_px=float(size),
                score=float(score),
                judgement=judgement,
                portrait=take_portrait(frame.image, (float(x), float(y)), look.red_cell_px, judgement.activation),
            )
            for (x, y), box, size, score, judgement in zip(
                chosen.centres, chosen.boxes, chosen.sizes, chosen.scores, judgements, strict=True
            )
        )


def adds_something(result: FieldResult) -> bool:
    """Whether a result holds anything that the store does not have yet: a new cell, or a field of its own."""
    return result.pose is None or bool(result.new_cells or result.new_red_cells or result.new_platelets)
