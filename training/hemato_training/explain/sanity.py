"""Do the maps depend on what the network learnt? Cascading randomisation of its layers, from the answer downwards.

J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: a map that looks the same after the weights were
replaced by chance shows edges, not reasons.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_training.explain.methods import Maps

STAGES = 8
"""Steps in which the cascade goes down, the dense layer being the first."""
REPEATS = 3
"""Cascades with other random weights; one alone may resemble the original by luck."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The maps after one step.

    Attributes:
        layers: how many layers with weights are random by now.
        lowest: name of the lowest of them.
        correlation: mean Spearman rank correlation of the signed maps with the original ones, over images and
            repeats; a map without any contrast counts as 0.
        spread: standard deviation over these.
    """

    layers: int
    lowest: str
    correlation: float
    spread: float


@dataclass(frozen=True, slots=True)
class Sanity:
    """The cascade.

    Attributes:
        images: how many maps are compared.
        repeats: how many cascades.
        stages: from the dense layer alone to all layers.
    """

    images: int
    repeats: int
    stages: tuple[Stage, ...]

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def randomisation_test(
    model: Any,
    maps_of: Callable[[], Maps],
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    seed: int = 7,
    stages: int = STAGES,
    repeats: int = REPEATS,
) -> Sanity:
    """Replace the weights by chance from the top down and compare the maps; the model ends as it began.

    Args:
        model: a Keras classifier.
        maps_of: makes signed maps of the model as it is at that moment.
        images: (n, S, S, 3) as it takes them.
        labels: (n,) which logit is explained, the same before and after.
        seed: of the random weights.
        stages: in how many steps.
        repeats: cascades with other random weights.
    """
    kept = model.get_weights()
    layers = list(reversed([layer for layer in leaves(model) if layer.weights]))
    ends = np.unique(np.rint(np.geomspace(1, len(layers), stages)).astype(int))
    rng = np.random.default_rng(seed)
    values: list[list[NDArray[np.float64]]] = [[] for _ in ends]
    try:
        maps = maps_of()
        original = maps(images, labels)
        for _ in range(repeats):
            model.set_weights(kept)
            for stage, (begin, end) in enumerate(zip((0, *ends[:-1]), ends, strict=True)):
                for layer in layers[begin:end]:
                    randomise(layer, rng)
                values[stage].append(rank_correlations(original, maps(images, labels)))
    finally:
        model.set_weights(kept)
    found = (
        Stage(int(end), layers[end - 1].name, float(np.mean(own)), float(np.std(own)))
        for end, own in zip(ends, values, strict=True)
    )
    return Sanity(len(images), repeats, tuple(found))


def leaves(model: Any) -> list[Any]:
    """The layers of a model, those of nested models in their place, from the input to the answer."""
    found: list[Any] = []
    for layer in model.layers:
        found += leaves(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def randomise(layer: Any, rng: np.random.Generator) -> None:
    """Give a layer new weights: kernels from He's normal distribution, batch norm and biases as new.

    Drawing anew keeps no trace of what was learnt; permuting the old weights would keep their sizes.
    """
    if isinstance(layer, keras.layers.BatchNormalization):
        for weight in layer.weights:
            one = weight.name in {"gamma", "moving_variance"}
            weight.assign(np.full(weight.shape, 1.0 if one else 0.0, np.float32))
        return
    for weight in layer.weights:
        shape = tuple(weight.shape)
        if len(shape) < 2:
            weight.assign(np.zeros(shape, np.float32))
            continue
        # a depthwise kernel (h, w, channels, 1) has one input channel
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        fan_in = int(np.prod(shape[:2] if depthwise else shape[:-1]))
        weight.assign(rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32))


def rank_correlations(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) Spearman's rank correlation of maps a and b (n, h, w); 0 where one of them is flat or not finite."""
    found = np.zeros(len(a))
    for i, (one, other) in enumerate(zip(a.reshape(len(a), -1), b.reshape(len(b), -1), strict=True)):
        if np.isfinite(one).all() and np.isfinite(other).all() and np.ptp(one) > 0 and np.ptp(other) > 0:
            found[i] = np.corrcoef(rankdata(one), rankdata(other))[0, 1]
    return found
