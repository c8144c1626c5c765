from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from training.tiny_network import TINY

from hemato_edge.errors import ModelError
from hemato_training.explain.gradcam import GradCam, split_at_last_map
from hemato_training.explain.sanity import leaves, randomisation_test, rank_correlations
from hemato_training.networks.backbones import ARCHITECTURES, build_classifier


@pytest.fixture(scope="module")
def model():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", TINY)
        keras.utils.set_random_seed(3)
        yield build_classifier("tiny", 64, 8, weights="none")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)


LABELS = np.array([0, 3, 7, 1, 1])


def test_equals_the_class_activation_map_of_our_head(model, images) -> None:
    graph = pytest.importorskip("hemato_convert.flatbuffer.graph")
    logits, maps = (np.asarray(v) for v in graph.export_graph(model)(images.astype(np.float32) / 127.5 - 1))
    exact = maps[np.arange(5), :, :, LABELS]
    # Grad-CAM averages the gradient of the mean over h · w places
    found = GradCam(model).maps(images, LABELS, signed=True) * exact[0].size
    assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max() + 1e-6
    bias = np.asarray(model.get_layer("logits").bias)
    assert np.allclose(found.mean(axis=(1, 2)) + bias[LABELS], logits[np.arange(5), LABELS], atol=1e-5)


def test_only_what_speaks_for_the_label(model, images) -> None:
    cam = GradCam(model)
    signed, shown = cam.maps(images, LABELS, signed=True), cam.maps(images, LABELS)
    assert np.array_equal(shown, np.maximum(signed, 0))
    assert cam.layer_name == "trunk"


def sequential() -> keras.Model:
    k = keras.layers
    return keras.Sequential(
        [keras.Input((64, 64, 3)), k.Conv2D(4, 3, activation="relu"), k.MaxPooling2D(), k.Flatten(), k.Dense(8)]
    )


def headless_trunk() -> keras.Model:
    """The pooling is inside of the nested model."""
    image = keras.Input((64, 64, 3))
    features = keras.layers.Conv2D(6, 3, strides=4, activation="relu", name="last_map")(image)
    trunk = keras.Model(image, keras.layers.GlobalAveragePooling2D()(features), name="inner")
    outer = keras.Input((64, 64, 3))
    return keras.Model(outer, keras.layers.Dense(8)(trunk(keras.layers.Rescaling(1 / 255)(outer))))


def pooled_by_a_map() -> keras.Model:
    """Fully convolutional: the last map goes straight into the answer."""
    image = keras.Input((64, 64, 3))
    features = keras.layers.Conv2D(5, 3, strides=8, name="features")(image)
    kept = keras.layers.GlobalMaxPooling2D(keepdims=True)(features)
    return keras.Model(image, keras.layers.Flatten()(keras.layers.Conv2D(8, 1)(kept)))


@pytest.mark.parametrize(
    ("make", "name"),
    [(sequential, "max_pooling2d"), (headless_trunk, "last_map"), (pooled_by_a_map, "features")],
)
def test_any_network_is_split_without_changing_it(images, make, name: str) -> None:
    network = make()
    found, front, head = split_at_last_map(network)
    assert found.startswith(name)
    batch = images.astype(np.float32)
    features = front(batch)
    assert len(features.shape) == 4
    assert np.allclose(np.asarray(head(features)), network.predict_on_batch(batch), atol=1e-3)
    assert GradCam(network).maps(images, LABELS).shape == (5, *features.shape[1:3])


def test_network_without_a_map() -> None:
    flat = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(8)])
    # the picture itself is what Flatten takes: still a map
    assert GradCam(flat).maps(np.zeros((1, 64, 64, 3), np.uint8), np.array([0])).shape == (1, 64, 64)
    with pytest.raises(ModelError, match="no feature map"):
        GradCam(keras.Sequential([keras.Input((9,)), keras.layers.Dense(8)]))


def test_gradient_is_that_of_small_steps(images) -> None:
    """A head that is not linear: compare with differences."""
    image = keras.Input((64, 64, 3))
    features = keras.layers.Conv2D(3, 5, strides=16)(image)
    pooled = keras.layers.Dense(6, activation="tanh")(keras.layers.GlobalAveragePooling2D()(features))
    network = keras.Model(image, keras.layers.Dense(8)(pooled))
    cam = GradCam(network)
    _, front, head = split_at_last_map(network)
    at = np.asarray(front(images[:1].astype(np.float32) / 255))
    gradient = cam._gradient(keras.ops.convert_to_tensor(at), np.array([2]))
    step = np.zeros_like(at)
    step[0, 1, 2, 1] = 0.05
    slope = (np.asarray(head(at + step)) - np.asarray(head(at - step)))[0, 2] / 0.1
    assert gradient[0, 1, 2, 1] == pytest.approx(slope, rel=0.02)


def test_random_weights_destroy_the_map_and_come_back(model, images) -> None:
    before = [w.copy() for w in model.get_weights()]

    def signed(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return GradCam(model).maps(images, labels, signed=True)

    sanity = randomisation_test(model, lambda: signed, np.repeat(images, 4, axis=0), np.tile(LABELS, 4), stages=4)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert [stage.layers for stage in sanity.stages] == [1, 2, 4, 7]
    assert sanity.stages[0].lowest == "logits"
    assert abs(sanity.stages[-1].correlation) < 0.5
    assert len(leaves(model)) > 10


def test_rank_correlation() -> None:
    rising = np.arange(9.0, dtype=np.float32).reshape(1, 3, 3)
    assert rank_correlations(rising, rising**3)[0] == pytest.approx(1)
    assert rank_correlations(rising, -rising)[0] == pytest.approx(-1)
    assert rank_correlations(rising, np.ones_like(rising))[0] == 0
    assert rank_correlations(rising, rising * np.nan)[0] == 0


def test_other_backend_gives_the_same_map(tmp_path) -> None:
    """On JAX where it is installed: the maps of one saved network."""
    pytest.importorskip("jax")
    network = headless_trunk()
    network.save(tmp_path / "n.keras")
    code = (
        "import sys, keras, numpy as np; from hemato_training.explain.gradcam import GradCam\n"
        "m = keras.models.load_model(sys.argv[1]); assert keras.backend.backend() == 'jax'\n"
        "x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)\n"
        "np.save(sys.argv[2], GradCam(m).maps(x, np.array([0, 5]), signed=True))"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "n.keras"), str(tmp_path / "m.npy")], check=True, env=environment
    )
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    assert np.allclose(np.load(tmp_path / "m.npy"), GradCam(network).maps(x, np.array([0, 5]), signed=True), atol=1e-5)
