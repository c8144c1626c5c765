"""What is done around the inferences: cutting crops, bringing them to the reference stain, reading answers and peaks.

Measured from outside, as a model's whole step less the time that passes inside of the model, so that it stays true
however the steps are built.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hemato_edge.bench.frames import new_analyzer
from hemato_edge.bench.timing import Deadline
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.nuclei import nuclei_in

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.bench.scenes import Scene
    from hemato_edge.bench.watch import Eyes
    from hemato_edge.settings import Settings
    from hemato_edge.values import Image
    from hemato_edge.vision.slide_appearance import SlideAppearance

CELLS = 4
_MOST = 50


def preprocessing_ms(scene: Scene, eyes: Eyes, settings: Settings, seconds: float) -> dict[str, list[float]]:
    """Figure's name → milliseconds: around the locator a field, around the classifier for one and for `CELLS` cells.

    Args:
        scene: of sharp fields with cells.
        eyes: whose models are watched.
        settings: for the session that learns scale and stain.
        seconds: for all of it.
    """
    analyzer = new_analyzer(eyes, settings)
    for frame in scene.frames[:2]:
        analyzer.analyze(frame)
    image, look = scene.frames[1].image, analyzer.look
    if look is None:
        return {}
    found: dict[str, list[float]] = {}
    boxes = eyes.locator.locate(FieldView(image, red_cell_px=look.red_cell_px)).boxes
    calls: dict[str, Callable[[], object]] = {"around.locator": lambda: _located(eyes, image, look)}
    for count in (1, CELLS):
        if len(boxes) >= count:
            calls[f"around.classifier.cells_{count}"] = _judging(eyes, image, boxes[:count], look)
    for name, call in calls.items():
        found[name] = _outside_ms(call, eyes, Deadline(seconds / len(calls)))
    return found


def _judging(eyes: Eyes, image: Image, boxes: NDArray[np.float32], look: SlideAppearance) -> Callable[[], object]:
    return lambda: eyes.classifier.judge(FieldView(image), boxes, look)


def _located(eyes: Eyes, image: Image, look: SlideAppearance) -> NDArray[np.bool_]:
    view = FieldView(image, red_cell_px=look.red_cell_px)
    return nuclei_in(view, eyes.locator.locate(view))


def _outside_ms(call: Callable[[], object], eyes: Eyes, deadline: Deadline) -> list[float]:
    call()
    times: list[float] = []
    while len(times) < _MOST and (len(times) < 3 or not deadline.over):
        eyes.take_ms()
        began = time.perf_counter()
        call()
        spent = (time.perf_counter() - began) * 1e3
        times.append(max(0.0, spent - eyes.take_ms()))
    return times
