"""A head for morphological attributes on a trained classifier, which changes no name.

It is the branch that `train attributes` put beside the run's network, or, without one, fitted now on the pooled
features: one multinomial logistic regression an attribute, one small dense layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.models.card import AttributeSpec
from hemato_training.classify.linear_head import fit_linear_heads
from hemato_training.data.attributes import read_attributes
from hemato_training.metrics.attributes import attribute_figures, logits_of_each
from hemato_training.metrics.calibration import fit_temperature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_training.classify.linear_head import LinearHead
    from hemato_training.data.records import Record

PENALTY = 0.05
"""Inverse strength of the L2 penalty of the logistic regressions."""


@dataclass(frozen=True, slots=True)
class AttributeHead:
    """From the trunk to the logits of all attributes' values.

    Attributes:
        layer: a map of the pooled features, or a branch of the trunk, a `keras.Model`.
        values: attribute → its values, in the order of the output.
    """

    layer: LinearHead | Any
    values: dict[str, tuple[str, ...]]


def described(records: Sequence[Record], data: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[int, ...]]]:
    """Attribute → values, and "laboratory/picture" → answers, of the first laboratory among `records` with a table.

    Raises:
        DataError: if a table is none.
    """
    for laboratory in dict.fromkeys(record.laboratory for record in records):
        table = read_attributes(data / laboratory)
        if table is not None:
            return table.values, {f"{laboratory}/{key}": answers for key, answers in table.answers.items()}
    return {}, {}


def fit_head(
    features: NDArray[np.float32], answers: NDArray[np.int64], values: Mapping[str, tuple[str, ...]]
) -> AttributeHead:
    """A head from pooled features (n, features) and answers (n, attributes), index of each one's value."""
    layer = fit_linear_heads(features, answers, tuple(len(own) for own in values.values()), PENALTY)
    return AttributeHead(layer, dict(values))


def attribute_specs(
    logits: NDArray[np.float32], answers: NDArray[np.int64], values: Mapping[str, tuple[str, ...]]
) -> tuple[AttributeSpec, ...]:
    """What the card says of each attribute, from int8 logits (n, all values) of held-out cells and their answers."""
    figures = attribute_figures(logits, answers, values)
    specs = []
    for (name, own), truth in zip(logits_of_each(logits, values).items(), answers.T, strict=True):
        of = figures[name]
        specs.append(
            AttributeSpec(
                name=name,
                values=values[name],
                temperature=fit_temperature(own, truth),
                cells=of.cells,
                accuracy=of.accuracy,
                macro_f1=of.macro_f1,
            )
        )
    return tuple(specs)
