"""A trained Keras classifier: loading and inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.networks.backbones import POOLING

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def load_keras(path: Path) -> Any:
    """The Keras classifier at `path`.

    Raises:
        ModelError: it cannot be read or has another number of outputs.
    """
    if not path.is_file():
        raise ModelError(f"There is no model at {path}.", "Train one with `hemato-edge train classify --out FOLDER`.")
    try:
        loaded = keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise ModelError(
            f"{path} is no Keras model that can be read.", "Train one with `hemato-edge train classify`."
        ) from error
    if tuple(loaded.output_shape) != (None, len(CLASSIFIER_LABELS)):
        raise ModelError(
            f"{path} gives {loaded.output_shape}, not {len(CLASSIFIER_LABELS)} logits.",
            "Train one with `hemato-edge train classify`.",
        )
    return loaded


def keras_logits(model: Any, images: NDArray[Any], batch: int = 64) -> NDArray[np.float32]:
    """Logits (n, labels) float32 of prepared crops (n, S, S, 3) RGB 0 to 255 from a Keras model in inference mode."""
    return keras_outputs(model, images, batch)


def keras_outputs(model: Any, images: NDArray[Any], batch: int = 64) -> NDArray[np.float32]:
    """As `keras_logits`, for any model with one output: (n, d) float32."""
    # XLA compilation takes a minute on a CPU and saves nothing there
    model.jit_compile = keras.backend.backend() != "tensorflow"
    parts = [
        np.asarray(model.predict_on_batch(_padded(images[i : i + batch], batch)))[: len(images[i : i + batch])]
        for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, model.output_shape[-1]), np.float32)


def pooled_features(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, features) float32: input of a classifier's head for crops (n, S, S, 3) uint8 RGB."""
    return keras_outputs(keras.Model(model.inputs, model.get_layer(POOLING).output), images)


def _padded(images: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
    """The images as float32, padded to a whole batch so that no second graph is traced."""
    whole = np.zeros((batch, *images.shape[1:]), np.float32)
    whole[: len(images)] = images
    return whole
