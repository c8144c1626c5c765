"""The runtime adapter: the one clear line where tflite-runtime meets numpy 2."""

from __future__ import annotations

import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.engines.litert import interpreter_class
from hemato_edge.models.engines.tflite import TFLiteEngine
from hemato_edge.models.locator_model import BOXES, HEAT, LocatorModel


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


def test_a_window_of_another_size_is_answered_as_by_an_interpreter_of_that_size() -> None:
    bundle = read_bundle(shipped_locator())
    model = LocatorModel(bundle)
    window = cv2.resize(bundle.golden_inputs[0], (352, 256))
    assert model.resize(256, 352)
    heat, boxes = model.raw_maps(window)
    assert model.engine.outputs == {HEAT: heat.shape, BOXES: boxes.shape}
    fresh = interpreter_class()(model_content=bundle.flatbuffer, num_threads=1)
    given = fresh.get_input_details()[0]["index"]
    fresh.resize_tensor_input(given, [1, *window.shape])
    fresh.allocate_tensors()
    fresh.set_tensor(given, window[None])
    fresh.invoke()
    answers = {one["name"]: fresh.get_tensor(one["index"])[0] for one in fresh.get_output_details()}
    np.testing.assert_array_equal(heat, answers[HEAT])
    np.testing.assert_array_equal(boxes, answers[BOXES])
    with pytest.raises(ValueError, match="256, 352"):
        model.maps(bundle.golden_inputs[0])
    assert model.verify() <= bundle.card.golden.tolerance  # at the size of training again
    assert model.engine.input_shape == (192, 256, 3)


def test_an_engine_that_cannot_change_its_size_keeps_it() -> None:
    class OneSize(interpreter_class()):  # type: ignore[misc]
        def allocate_tensors(self) -> None:
            if tuple(self.get_input_details()[0]["shape"]) != (1, 192, 256, 3):
                raise RuntimeError
            super().allocate_tensors()

    bundle = read_bundle(shipped_locator())
    engine = TFLiteEngine(OneSize, bundle.flatbuffer, 1)
    assert not engine.resize(256, 352)
    assert engine.input_shape == (192, 256, 3)
    heat = engine.raw(bundle.golden_inputs[:1])[HEAT]
    assert heat.shape == (1, *engine.outputs[HEAT]) == (1, 48, 64, 3)
