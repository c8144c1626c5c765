"""How well a bundle answers the morphological attributes of the cells that it was tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.classifier_model import ATTRIBUTES, ClassifierModel
from hemato_training.data.attributes import read_attributes
from hemato_training.metrics.attributes import attribute_figures

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.evaluate.evaluation import Tried
    from hemato_training.metrics.attributes import AttributeFigures


def attributes_on(tried: Tried, data: Path) -> dict[str, dict[str, AttributeFigures]]:
    """Laboratory → attribute → figures, for each laboratory with a table of attributes; empty from a model without.

    Raises:
        DataError: if a table cannot be read.
        ModelError: if a table has other attributes or values than the model's card.
    """
    model = tried.judged.model
    if not isinstance(model, ClassifierModel) or not model.card.attributes:
        return {}
    values = {attribute.name: attribute.values for attribute in model.card.attributes}
    found = {}
    for name in dict.fromkeys(tried.cells.laboratories.tolist()):
        table = read_attributes(data / name)
        if table is None:
            continue
        if table.values != values:
            raise ModelError(f"The attributes of {name} are not those of {tried.path}.", "Judge on another data set.")
        own = np.flatnonzero(tried.cells.laboratories == name)
        known, truth = table.of(tried.cells.keys[own].tolist())
        if known.any():
            logits = model.answers(tried.images[own[known]])[ATTRIBUTES]
            found[name] = attribute_figures(logits, truth, values)
    return found
