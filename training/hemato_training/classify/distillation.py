"""Distillation: what an ensemble of trained classifiers answers, as targets for one small network.

Student and teachers see the same augmented view ("function matching", Beyer et al. 2022), so the ensemble teaches at
every stain and sharpness that augmentation makes, where a label says only what the cell is.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.calibration import softmax
from hemato_training.networks.backbones import build_classifier
from hemato_training.networks.keras_model import keras_logits, load_keras

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Teachers:
    """An ensemble that is asked for its mean answer; from any thread.

    Args:
        paths: `.keras` classifiers of one architecture; another input size than `size` is allowed.
        architecture: key of `architectures.ARCHITECTURES`.
        size: side of the student's input, pixels.
        alpha: width of MobileNetV2.

    Raises:
        ModelError: if one cannot be read.
        ValueError: if one is of another architecture.
    """

    def __init__(self, paths: Sequence[str], architecture: str, size: int, alpha: float) -> None:
        self._lock = Lock()
        self._models = [_at_size(load_keras(Path(path)), architecture, size, alpha) for path in paths]

    def answers(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean probabilities (n, labels) float32 for images (n, S, S, 3) RGB 0 to 255."""
        with self._lock:
            all_logits = [keras_logits(model, images, len(images)) for model in self._models]
        mean: NDArray[np.float32] = np.mean([softmax(logits) for logits in all_logits], axis=0).astype(np.float32)
        return mean


def _at_size(model: Any, architecture: str, size: int, alpha: float) -> Any:
    """The same network for another size of input: no layer of it depends on the size."""
    if int(model.input_shape[1]) == size:
        return model
    resized = build_classifier(architecture, size, len(CLASSIFIER_LABELS), alpha=alpha, weights="none")
    resized.set_weights(model.get_weights())
    return resized
