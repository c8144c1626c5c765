"""Cost per frame of the field-of-view mask: without search, with search, with bars, and with a round field.

Walks over a drawn slide, each frame in all four sessions in turn, and beside them one bare inference of the
classifier. Times are those of the processor in this thread, so that other programs disturb them less; the ratio to the
inference, about 1 ms on a desktop processor that does nothing else, is what can be compared between machines. Prints
the mask alone, the mean of all frames but the first and of the second half, and the differences of whole frames.

    python benchmarks/field_mask.py [--frames 300]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.field_mask import FieldMask
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "edge"))
from obstructed import eyepiece

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Frame
    from hemato_edge.vision.field_view import FieldView

BAR_PX = 20


class TimedMask(FieldMask):
    """A mask that adds up its own time of the frame, milliseconds."""

    spent_ms = 0.0

    def aperture_of(self, frame: Frame) -> Aperture:
        """See `FieldMask`."""
        began = time.thread_time()
        found = super().aperture_of(frame)
        self.spent_ms += (time.thread_time() - began) * 1e3
        return found

    def learn(self, view: FieldView) -> None:
        """See `FieldMask`."""
        began = time.thread_time()
        super().learn(view)
        self.spent_ms += (time.thread_time() - began) * 1e3


def barred(image: np.ndarray) -> np.ndarray:
    """The frame with black bars at its sides, (H, W, 3) uint8."""
    return cv2.copyMakeBorder(image, 0, 0, BAR_PX, BAR_PX, cv2.BORDER_CONSTANT)


def round_field(image: np.ndarray) -> np.ndarray:
    """The frame through an eyepiece whose rim is out of focus, (H, W, 3) uint8."""
    return eyepiece(soft=6.0)(image, 0)


VIEWS = {"bars": barred, "round, soft rim": round_field}


def timed(work: Callable[[], object]) -> float:
    """Processor time of one call, milliseconds."""
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1e3


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    frames = parser.parse_args().frames
    cv2.setNumThreads(1)
    locator, classifier = load_locator(), load_classifier()
    names = ("not looked for", "all slide", "bars", "round, soft rim")
    masks = {name: TimedMask(search=name != names[0]) for name in names}
    sessions = {name: FieldAnalyzer(QualityGate(), locator, classifier, mask=mask) for name, mask in masks.items()}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    alone: dict[str, list[float]] = {name: [] for name in sessions}
    crop = np.zeros((1, classifier.card.input.size, classifier.card.input.size, 3), np.uint8)
    inferences = []
    with OpenCamera(DemoCamera(5, frames=frames)) as camera:
        for _ in range(frames):
            frame = camera.read(60.0)
            for name, session in sessions.items():
                shown = replace(frame, image=VIEWS[name](frame.image)) if name in VIEWS else frame
                before = masks[name].spent_ms
                times[name].append(timed(lambda session=session, shown=shown: session.analyze(shown)))  # type: ignore[misc]
                alone[name].append(masks[name].spent_ms - before)
            inferences.append(timed(lambda: classifier.model.outputs(crop)))
    inference = float(np.median(inferences))
    print(f"one inference: {inference:.2f} ms of the processor")
    for name, measured in times.items():
        own, late = np.mean(alone[name][1:]), np.mean(alone[name][frames // 2 :])
        apart = np.median(np.subtract(measured, times["not looked for"]))
        print(
            f"{name}: mask {own:.3f} ms a frame, {own / inference:.3f} of an inference (second half "
            f"{late / inference:.3f}); whole frame {np.median(measured):.2f} ms at the median, {apart:+.3f} ms to none"
        )


if __name__ == "__main__":
    main()
