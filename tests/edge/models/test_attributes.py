from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from hemato_edge.models.attributes import attributes_of
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.card import AttributeSpec, ClassifierCard

SPECS = (
    AttributeSpec(
        name="nucleus_shape", values=("band", "lobed", "round"), temperature=1.0, cells=9, accuracy=0.8, macro_f1=0.7
    ),
    AttributeSpec(name="granularity", values=("no", "yes"), temperature=2.0, cells=9, accuracy=0.9, macro_f1=0.9),
)


def test_each_attribute_has_its_own_values_and_temperature() -> None:
    (shape, granules), (other, _) = attributes_of(np.array([[0, 2, 0, 4, 0], [0, 0, 1, 0, 0]], np.float32), SPECS)
    assert other.value == "round"
    assert (shape.name, shape.value, granules.name, granules.value) == ("nucleus_shape", "lobed", "granularity", "no")
    assert shape.confidence == pytest.approx(np.exp(2) / (np.exp(2) + 2))
    assert granules.confidence == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_card_whose_attributes_cannot_be_told_from_another_output_is_refused() -> None:
    card = read_bundle(shipped_classifier()).card
    values = tuple(f"value {i}" for i in range(len(card.labels)))
    spec = SPECS[0].model_copy(update={"values": values})
    with pytest.raises(ValidationError, match="are ambiguous"):
        ClassifierCard.model_validate(card.model_dump() | {"attributes": [spec.model_dump()]})
