"""A Keras locator in the device's code, and its figures on fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.labels import KINDS, WBC
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_edge.vision.locate.peaks import BOX_VALUES
from hemato_training.metrics.detection import ap50
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.locate.windows import WindowSpec
    from hemato_training.data.field_sets import Field
    from hemato_training.data.formats.annotations import Boxes
    from hemato_training.progress import Reporter

EVERYTHING = 0.02
"""Lowest score of detections used for average precision."""


def load_locator_model(path: Path) -> Any:
    """The Keras model of a locator's run.

    Raises:
        ModelError: it cannot be read or is no locator.
    """
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"The model {path} cannot be read.", "Name a run of `hemato-edge train locate`.") from error
    if [shape[-1] for shape in model.output_shape] != [len(KINDS), BOX_VALUES * len(KINDS)]:
        raise ModelError(f"{path} is no locator of this project.", "Name a run of `hemato-edge train locate`.")
    return model


class KerasHeat:
    """A Keras locator as a `learned.HeatNetwork`; see `networks.locator.build_locator`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heat (h, w, kinds) and boxes (h, w, kinds × 4) float32 of a window (height, width, 3) uint8 RGB."""
        heat, boxes = self._model.predict_on_batch(window[None].astype(np.float32))
        return np.asarray(heat)[0], np.asarray(boxes)[0]

    def resize(self, height: int, width: int) -> bool:
        """Only the size that the model was built for."""
        return tuple(self._model.input_shape[1:3]) == (height, width)


def keras_locator(model: Any, spec: WindowSpec, min_score: float = EVERYTHING) -> LearnedLocator:
    """The device's locator with this network."""
    return LearnedLocator(KerasHeat(model), spec, same_score(min_score))


def locate_all(
    locator: Locator, fields: Sequence[Field], red_cell_px: Mapping[str, float], reporter: Reporter | None = None
) -> dict[str, list[tuple[Detections, Boxes]]]:
    """Data set → detections and annotated boxes of each of its fields; the scale is known, as in a session."""
    results: dict[str, list[tuple[Detections, Boxes]]] = {}
    for field in (reporter or Silent()).track(fields, "locating", len(fields)):
        found = locator.locate(FieldView(field.image(), red_cell_px=red_cell_px[field.laboratory]))
        results.setdefault(field.laboratory, []).append((found, field.boxes))
    return results


def precisions(results: Mapping[str, Sequence[tuple[Detections, Boxes]]]) -> dict[str, dict[str, float]]:
    """Data set → kind → AP50."""
    return {
        name: {KINDS[kind]: round(ap50(own, kind), 4) for kind in range(len(KINDS))} for name, own in results.items()
    }


def steering_score(figures: Mapping[str, Mapping[str, float]]) -> float:
    """Score for choosing an epoch: mean AP50 over data sets and kinds, as far as annotated.

    Platelets count only where annotated, red cells in all sets, and white cells, the purpose, twice.
    """
    scores = []
    for name, kinds in figures.items():
        scores += [kinds[KINDS[WBC]]] * 2 + [kinds["rbc"]]
        if name != "raabin_fields":
            scores.append(kinds["platelet"])
    return float(np.mean(scores))
