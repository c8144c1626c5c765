"""Cost around the inferences: cutting crops, stain normalisation, decoding outputs.

Measured from outside, as the time of a model's whole step minus the time inside the model, so that it stays valid
however the steps are implemented.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hemato_edge.bench.measures.frames import new_analyzer
from hemato_edge.bench.measures.timing import Deadline
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.nuclei import nuclei_in

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.bench.measures.scenes import Scene
    from hemato_edge.bench.measures.watch import TimedModels
    from hemato_edge.settings import Settings
    from hemato_edge.values import Image
    from hemato_edge.vision.slide_appearance import SlideAppearance

CELLS = 4
_MOST = 50


def preprocessing_ms(scene: Scene, models: TimedModels, settings: Settings, seconds: float) -> dict[str, list[float]]:
    """Figure's name → milliseconds: around the locator per field, around the classifier for one and `CELLS` cells.

    Args:
        scene: of sharp fields with cells.
        models: the models that are timed.
        settings: for the session that measures scale and stain.
        seconds: in total.
    """
    analyzer = new_analyzer(models, settings)
    for frame in scene.frames[:2]:
        analyzer.analyze(frame)
    image, slide = scene.frames[1].image, analyzer.look
    if slide is None:
        return {}
    found: dict[str, list[float]] = {}
    boxes = models.locator.locate(FieldView(image, red_cell_px=slide.red_cell_px)).boxes
    calls: dict[str, Callable[[], object]] = {"around.locator": lambda: _located(models, image, slide)}
    for count in (1, CELLS):
        if len(boxes) >= count:
            calls[f"around.classifier.cells_{count}"] = _judging(models, image, boxes[:count], slide)
    for name, call in calls.items():
        found[name] = _outside_ms(call, models, Deadline(seconds / len(calls)))
    return found


def _judging(
    models: TimedModels, image: Image, boxes: NDArray[np.float32], slide: SlideAppearance
) -> Callable[[], object]:
    return lambda: models.classifier.judge(FieldView(image), boxes, slide)


def _located(models: TimedModels, image: Image, slide: SlideAppearance) -> NDArray[np.bool_]:
    view = FieldView(image, red_cell_px=slide.red_cell_px)
    return nuclei_in(view, models.locator.locate(view))


def _outside_ms(call: Callable[[], object], models: TimedModels, deadline: Deadline) -> list[float]:
    call()
    times: list[float] = []
    while len(times) < _MOST and (len(times) < 3 or not deadline.over):
        models.take_ms()
        began = time.perf_counter()
        call()
        spent = (time.perf_counter() - began) * 1e3
        times.append(max(0.0, spent - models.take_ms()))
    return times
