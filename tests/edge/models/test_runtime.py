"""The runtime adapter: the one clear line where tflite-runtime meets numpy 2."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.engines.choice import find_runtime


def test_tflite_runtime_with_numpy_2_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tflite_runtime.interpreter")
    module.Interpreter = object
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", module)
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(ModelError, match=r"cannot work with numpy 2\.1\.0") as caught:
        find_runtime("tflite-runtime")
    assert "pip install 'hemato-edge[tflite]'" in caught.value.fix
    monkeypatch.setattr(np, "__version__", "1.26.4")
    assert find_runtime("tflite-runtime").name == "tflite-runtime"


@pytest.mark.parametrize("crops", [1, 2, 3, 4, 7, 8])
def test_groups_of_four_on_two_threads_answer_as_one_by_one(crops: int) -> None:
    bundle = read_bundle(shipped_classifier())
    one_by_one, in_groups = ClassifierModel(bundle, threads=1), ClassifierModel(bundle, threads=2)
    batch = bundle.golden_inputs[:crops]
    for alone, grouped in zip(one_by_one.logits_and_maps(batch), in_groups.logits_and_maps(batch), strict=True):
        assert alone is not None
        assert grouped is not None
        assert len(alone) == crops
        np.testing.assert_allclose(grouped, alone, atol=bundle.card.golden.tolerance)
