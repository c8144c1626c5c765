from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")
import keras

from hemato_training.runs.schedule import averaging_optimizer, compile_model


def test_the_first_step_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    step = keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda model, data: traced.append(1) or step(model, data))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    compile_model(model, averaging_optimizer(1e-3, 4, 1e-2, 0.9), keras.losses.CategoricalCrossentropy())
    model.fit(np.ones((8, 4), np.float32), np.eye(3, dtype=np.float32)[[0] * 8], batch_size=2, verbose=0)
    assert int(model.optimizer.iterations) == 4
    assert len(traced) == 1
