from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras

from hemato_edge.errors import ConfigurationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.networks.backbones import (
    ARCHITECTURES,
    TRUNK,
    _without_preprocessing,
    absorb_caffe_colours,
    absorb_torch_colours,
    build_classifier,
    set_trainable,
)

if TYPE_CHECKING:
    from pathlib import Path

SIZE, CLASSES = 64, len(CLASSIFIER_LABELS)


def images(n: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE, 3)).astype(np.float32)


def live_batch_norm(model) -> None:
    """Statistics far from those of any batch, as a trained network has them."""
    rng = np.random.default_rng(1)
    for layer in model.get_layer(TRUNK).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.3, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.moving_variance.shape))


@pytest.fixture(scope="module")
def small():
    return build_classifier("mobilenet_v2", SIZE, CLASSES, alpha=0.35, weights="none", dropout=0.0)


def test_frozen_batch_norm_answers_alike_in_training_and_inference(small) -> None:
    live_batch_norm(small)
    set_trainable(small, trunk=True)
    training, inference = (np.asarray(small(images(), training=mode)) for mode in (True, False))
    assert np.array_equal(training, inference)
    set_trainable(small, trunk=True, batch_norm=True)
    assert not np.allclose(np.asarray(small(images(), training=True)), inference, atol=1e-3)


def test_what_learns(small) -> None:
    set_trainable(small, trunk=False)
    assert {v.path.split("/")[-1] for v in small.trainable_variables} == {"kernel", "bias"}
    assert len(small.trainable_variables) == 2
    set_trainable(small, trunk=True)
    names = [v.path for v in small.trainable_variables]
    assert len(names) > 40
    assert not any("BN" in name or "bn" in name for name in names)


def test_takes_bytes_and_gives_logits(small) -> None:
    logits = np.asarray(small(images() * 0 + 255))
    assert logits.shape == (4, CLASSES)
    assert small.get_layer("to_unit")(np.array([0.0, 127.5, 255.0])).numpy().tolist() == [-1.0, 0.0, 1.0]


def test_efficientnet_absorbs_its_own_normalisation() -> None:
    """Cutting the preprocessing off must not change what the trained stem computes, but at the border."""
    whole = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    before = np.asarray(keras.Model(whole.inputs[0], whole.get_layer("stem_bn").output)(images(2)))
    cut = _without_preprocessing(whole, fold=True)
    after = images(2) / 127.5 - 1
    for name in ("stem_conv_pad", "stem_conv", "stem_bn"):
        after = cut.get_layer(name)(after)
    after = np.asarray(after)
    assert before.shape == after.shape
    assert np.allclose(before[:, 2:-2, 2:-2], after[:, 2:-2, 2:-2], atol=1e-4)


def test_resnet_absorbs_its_own_normalisation() -> None:
    stem = keras.layers.Conv2D(5, 3, bias_initializer="normal")
    wanted = keras.applications.resnet50.preprocess_input(images(2))
    before = np.asarray(stem(wanted))
    absorb_caffe_colours(stem)
    assert np.allclose(before, np.asarray(stem(images(2) / 127.5 - 1)), atol=1e-3)


def test_densenet_absorbs_its_own_normalisation() -> None:
    stem = keras.layers.Conv2D(5, 3, use_bias=False)
    norm = keras.layers.BatchNormalization()
    wanted = keras.applications.densenet.preprocess_input(images(2))
    norm(stem(wanted))
    norm.moving_mean.assign(np.random.default_rng(2).normal(0, 1, 5))
    before = np.asarray(norm(stem(wanted)))
    absorb_torch_colours(stem, norm)
    assert np.allclose(before, np.asarray(norm(stem(images(2) / 127.5 - 1))), atol=1e-3)


@pytest.mark.parametrize(("name", "stem"), [("vgg16", ["block1_conv1"]), ("densenet121", ["conv1_conv", "conv1_bn"])])
def test_large_networks_have_the_stems_that_are_adapted(name: str, stem: list[str]) -> None:
    trunk = build_classifier(name, SIZE, CLASSES, weights="none").get_layer(TRUNK)
    assert [layer.name for layer in trunk.layers if layer.name in stem] == stem
    assert trunk.get_layer(stem[0]).use_bias == (len(stem) == 1)


@pytest.mark.parametrize("size", [64, 97])
def test_simple_cnn_is_of_the_common_form(size: int) -> None:
    model = build_classifier("simple_cnn", size, CLASSES, weights="none")
    assert model(np.zeros((2, size, size, 3), np.float32)).shape == (2, CLASSES)
    assert [layer.name for layer in model.layers] == ["image", "to_unit", "trunk", "pooling", "dropout", "logits"]
    assert sum(isinstance(layer, keras.layers.Dense) for layer in model.layers) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_every_architecture_takes_its_smallest_and_an_odd_size(name: str) -> None:
    for size in (ARCHITECTURES[name].min_size, 101):
        model = build_classifier(name, size, CLASSES, weights="none", alpha=0.35)
        assert np.isfinite(np.asarray(model(np.full((1, size, size, 3), 200, np.float32)))).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_trunk_stays_frozen(small, share: float) -> None:
    set_trainable(small, trunk=True, frozen_share=share)
    weighty = [layer for layer in small.get_layer(TRUNK).layers if layer.weights]
    learns = [layer.trainable for layer in weighty]
    first = round(share * len(weighty))
    assert not any(learns[:first])
    kernels = [layer.trainable for layer in weighty[first:] if not isinstance(layer, keras.layers.BatchNormalization)]
    assert all(kernels)
    assert bool(kernels) == (share < 1)
    set_trainable(small, trunk=True)


def test_an_impossible_share_is_refused(small) -> None:
    with pytest.raises(ConfigurationError, match=r"frozen share 1\.5"):
        set_trainable(small, trunk=True, frozen_share=1.5)


@pytest.mark.parametrize(
    ("named", "error", "message"),
    [
        ({"architecture": "resnet"}, ConfigurationError, "Unknown architecture 'resnet'"),
        ({"size": 32}, ConfigurationError, "input size 32"),
        ({"size": 512}, ConfigurationError, "input size 512"),
        ({"alpha": 3.0}, ConfigurationError, "width 3.0"),
        (
            {"architecture": "inception_v3", "size": 74},
            ConfigurationError,
            "input size 74 is out of range for inception",
        ),
        (
            {"architecture": "simple_cnn", "weights": "imagenet"},
            DataError,
            "no weights of this architecture from ImageNet",
        ),
        ({"weights": "nowhere.h5"}, DataError, "no weights file at nowhere.h5"),
    ],
)
def test_what_cannot_be_built(named: dict, error: type, message: str) -> None:
    wanted = {"architecture": "mobilenet_v2", "size": SIZE, "classes": CLASSES, "weights": "none", **named}
    with pytest.raises(error, match=message) as caught:
        build_classifier(**wanted)
    assert caught.value.fix


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "keras.src.applications.mobilenet_v2.BASE_WEIGHT_PATH", (tmp_path / "no").as_uri() + "/", raising=True
    )
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path), raising=False)
    with pytest.raises(DataError, match="imagenet could not be loaded") as caught:
        build_classifier("mobilenet_v2", SIZE, CLASSES, alpha=0.35, weights="imagenet")
    assert "--weights" in caught.value.fix


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    keras.applications.MobileNetV2(include_top=False, weights=None, alpha=0.5, input_shape=(64, 64, 3)).save_weights(
        path
    )
    with pytest.raises(DataError, match="could not be loaded"):
        build_classifier("mobilenet_v2", SIZE, CLASSES, alpha=0.35, weights=str(path))


def test_efficientnet_lite0_has_the_published_form() -> None:
    model = build_classifier("efficientnet_lite0", SIZE, CLASSES, weights="none")
    trunk = model.get_layer(TRUNK)
    assert trunk.output_shape == (None, SIZE // 32, SIZE // 32, 1280)
    assert sum(isinstance(layer, keras.layers.DepthwiseConv2D) for layer in trunk.layers) == 16
    with pytest.raises(DataError, match="no weights of this architecture"):
        build_classifier("efficientnet_lite0", SIZE, CLASSES)


def test_efficientnet_lite0_takes_a_file_of_weights(tmp_path: Path) -> None:
    first = build_classifier("efficientnet_lite0", SIZE, CLASSES, weights="none")
    live_batch_norm(first)
    path = tmp_path / "lite0.weights.h5"
    first.get_layer(TRUNK).save_weights(path)
    second = build_classifier("efficientnet_lite0", SIZE, CLASSES, weights=str(path))
    pictures = images(2) / 127.5 - 1
    features = [np.asarray(model.get_layer(TRUNK)(pictures)) for model in (first, second)]
    assert np.array_equal(*features)
    assert features[0].max() <= 6
