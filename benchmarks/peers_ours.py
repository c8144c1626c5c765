"""hemato-edge's own part in `peers.py`: run by `peers_worker.py` under names that begin with "ours".

The fields are stand-alone ones, so every cell in them is new: the most expensive case. The stage with nothing new is
measured by `pipeline.py`.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.engines.choice import find_runtime, start_engine
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.values import FieldResult, Frame
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.slide_appearance import AppearanceEstimator, FocusLevel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Work = Callable[[np.ndarray, int], int]


class Whole:
    """The whole pipeline: quality, locator, appearance, ledger, classifier, portraits. Rejects nothing.

    Args:
        threads: of each inference.
    """

    def __init__(self, threads: int) -> None:
        self._analyzer = FieldAnalyzer(QualityGate(), load_locator(threads=threads), load_classifier(threads=threads))
        self._analyzer.looks.focus = FocusLevel(0)  # which remembers nothing: no field is too soft beside the others
        self._latencies: list[dict[str, float]] = []
        self._frames = 0

    def analyze(self, field: np.ndarray) -> FieldResult:
        """One field, every cell new."""
        now = datetime.now(timezone.utc)
        frame = Frame(field, self._frames, time.monotonic(), now, "peers", independent=True)
        self._frames += 1
        result = self._analyzer.analyze(frame)
        if not isinstance(result, FieldResult):
            # a rejected field costs next to nothing, and would bias the result
            raise SystemExit(f"the quality gate rejects a field ({result.reject}): leave it out of the folder")
        self._latencies.append(result.latency_ms)
        return result

    def __call__(self, field: np.ndarray, number: int) -> int:
        """Number of cells in the field."""
        return sum(self.analyze(field).seen.values())

    def stages(self) -> dict[str, float]:
        """Median milliseconds of each stage."""
        names = self._latencies[-1]
        return {name: float(np.median([own.get(name, 0.0) for own in self._latencies])) for name in names}


def locating(folder: Path, threads: int) -> Work:
    """The locator alone."""
    locator, looks = load_locator(threads=threads), AppearanceEstimator()

    def work(field: np.ndarray, number: int) -> int:
        found = locator.locate(FieldView(field, red_cell_px=looks.red_cell_px))
        looks.add_red_cells(found)
        return len(found)

    return work


def naming(folder: Path, threads: int) -> Work:
    """The classifier alone, on the white cells of a field: cropping, stain normalisation, classification."""
    classifier = load_classifier(threads=threads)
    with np.load(folder / "crops.npz") as kept:
        boxes, ends, red_cell_px = kept["boxes"], kept["ends"], float(kept["red_cell_px"])
    from hemato_edge.vision.optics.stain import StainCalibration
    from hemato_edge.vision.slide_appearance import SlideAppearance

    by_field = np.split(boxes, ends[:-1])
    look = SlideAppearance(red_cell_px, StainCalibration.reference())
    return lambda field, number: len(classifier.judge(FieldView(field), by_field[number], look))


def bare_inference(folder: Path, threads: int) -> Work:
    """The bare inferences needed for a field: the locator's once, the classifier's once for each white cell."""
    runtime = find_runtime()
    locator, classifier = (
        start_engine(read_bundle(path()), runtime, threads).bare(1) for path in (shipped_locator, shipped_classifier)
    )
    with np.load(folder / "crops.npz") as kept:
        white = np.diff(kept["ends"], prepend=0)

    def work(field: np.ndarray, number: int) -> int:
        locator()
        for _ in range(white[number]):
            classifier()
        return int(white[number])

    return work


OURS: dict[str, Callable[[Path, int], Work]] = {
    "ours": lambda folder, threads: Whole(threads),
    "ours locate": locating,
    "ours name": naming,
    "ours bare": bare_inference,
}
