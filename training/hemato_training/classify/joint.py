"""Names and morphological attributes learnt together: what tells a lobed nucleus or a granule apart shapes the trunk.

Such a run keeps the trunk and the head for the names; `learning` fits the branch that ships to the finished trunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.data.attributes import read_attributes
from hemato_training.networks.attribute_branch import ATTRIBUTES, TAPS, build_branch
from hemato_training.networks.attribute_loss import weighted_targets
from hemato_training.networks.backbones import DROPOUT, LOGITS, POOLING, PREPROCESSING, TRUNK

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells


def attribute_targets(data: Path, cells: Cells) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """What the cells' attributes are, as far as a table says.

    Args:
        data: the directory with the data sets.
        cells: n, those that learn.

    Returns:
        From `weighted_targets`, (n, all values); cells without known attributes have no weight. And the number of
        values of each attribute.

    Raises:
        DataError: no table describes one of the cells.
    """
    for name in np.unique(cells.laboratories):
        table = read_attributes(data / str(name))
        if table is None:
            continue
        own = np.flatnonzero(cells.laboratories == name)
        known, given = table.of(cells.keys[own].tolist())
        if known.any():
            answers = np.full((len(cells), len(table.values)), -1, np.int64)
            answers[own[known]] = given
            sizes = tuple(len(values) for values in table.values.values())
            return weighted_targets(answers, sizes), sizes
    raise DataError(
        f"No table in {data} describes a training cell.", "Put an attributes.csv beside the pictures, or weigh none."
    )


def with_attributes(model: Any, values: int) -> Any:
    """A classifier and an attribute branch on one trunk, not yet compiled.

    Args:
        model: from `networks.backbones.build_classifier`; its layers are shared.
        values: of all attributes together.

    Returns:
        A `keras.Model`: (n, S, S, 3) RGB 0…255 → {"logits": (n, classes), "attributes": (n, values)}. Its layers
        "trunk" and "logits" hold the classifier's weights, in the classifier's order.

    Raises:
        ConfigurationError: no branch fits the architecture.
    """
    taps = TAPS.get(model.name)
    if taps is None:
        raise ConfigurationError(
            f"There is no attribute branch for {model.name}, only for {', '.join(TAPS)}.", "Leave the attributes out."
        )
    trunk, image = model.get_layer(TRUNK), keras.Input(model.input_shape[1:], name="image")
    outputs = [*(trunk.get_layer(name).output for name in taps), trunk.outputs[0]]
    fine, coarse, features = keras.Model(trunk.inputs, outputs, name=TRUNK)(model.get_layer(PREPROCESSING)(image))
    pooled = model.get_layer(POOLING)(features)
    branch = build_branch((fine.shape[1:], coarse.shape[1:], pooled.shape[1:]), values)
    logits = model.get_layer(LOGITS)(model.get_layer(DROPOUT)(pooled))
    return keras.Model(image, {LOGITS: logits, ATTRIBUTES: branch([fine, coarse, pooled])}, name=model.name)
