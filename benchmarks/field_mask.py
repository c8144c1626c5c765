"""Cost per frame of the field-of-view mask: without search, with search, and with bars masked.

Prints the milliseconds per frame of walks over a drawn slide, each frame in all three sessions in turn, and their
differences from the session without search.

    python benchmarks/field_mask.py [--frames 120]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import cv2
import numpy as np

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.field_mask import FieldMask
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

BAR_PX = 20


def barred(image: np.ndarray) -> np.ndarray:
    """The frame with black bars at its sides, (H, W, 3) uint8."""
    return cv2.copyMakeBorder(image, 0, 0, BAR_PX, BAR_PX, cv2.BORDER_CONSTANT)


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=120)
    frames = parser.parse_args().frames
    cv2.setNumThreads(1)
    locator, classifier = load_locator(), load_classifier()
    masks = {"not looked for": FieldMask(search=False), "all slide": FieldMask(), "bars": FieldMask()}
    sessions = {name: FieldAnalyzer(QualityGate(), locator, classifier, mask=mask) for name, mask in masks.items()}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    stage: dict[str, list[float]] = {name: [] for name in sessions}
    with OpenCamera(DemoCamera(5, frames=frames)) as camera:
        for _ in range(frames):
            frame = camera.read(1.0)
            for name, session in sessions.items():
                shown = replace(frame, image=barred(frame.image)) if name == "bars" else frame
                began = time.perf_counter()
                result = session.analyze(shown)
                times[name].append((time.perf_counter() - began) * 1e3)
                stage[name].append(getattr(result, "latency_ms", {}).get("mask", 0.0))
    for name, measured in times.items():
        apart = np.median(np.subtract(measured, times["not looked for"]))
        print(
            f"{name}: {np.median(measured):.2f} ms a frame at the median, {apart:+.3f} ms to none; the mask alone "
            f"{np.median(stage[name]):.3f} ms at the median, {np.mean(stage[name][1:]):.3f} ms on average but the first"
        )


if __name__ == "__main__":
    main()
