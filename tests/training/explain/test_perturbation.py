from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("skimage")

from hemato_edge.errors import MissingExtraError
from hemato_edge.vision.classify.occlusion import GLASS, occlusion_maps
from hemato_training.explain.perturbation import lime_maps, shap_maps

SIZE = 64


def darkness(images: np.ndarray) -> np.ndarray:
    """Two logits: how dark the crop is, and how dark its left half."""
    dark = 255.0 - images.astype(np.float32).mean(axis=3)
    return np.stack([dark.mean(axis=(1, 2)), dark[:, :, : SIZE // 2].mean(axis=(1, 2))], axis=1)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """One dark square left above, one right below."""
    found = np.full((1, SIZE, SIZE, 3), GLASS, np.uint8)
    found[:, 8:24, 8:24] = 40
    found[:, 40:56, 40:56] = 40
    return found


@pytest.mark.parametrize("maps_of", [lime_maps, occlusion_maps, "shap"])
def test_a_map_marks_what_its_own_logit_rests_on(image, maps_of) -> None:
    if maps_of == "shap":
        pytest.importorskip("shap")
        maps_of = shap_maps
    both, left = (maps_of(darkness, image, np.array([label]))[0] for label in (0, 1))
    scale = both.shape[0] / SIZE

    def within(found: np.ndarray, low: int, high: int) -> float:
        at = slice(round(low * scale), round(high * scale))
        return float(found[at, at].mean())

    rest = float(np.abs(both[: round(20 * scale), round(44 * scale) :]).mean())
    assert within(both, 8, 24) > 5 * rest
    assert within(both, 40, 56) > 5 * rest
    assert within(left, 8, 24) > 5 * abs(within(left, 40, 56))


def test_shap_values_add_up_to_the_answer(image) -> None:
    pytest.importorskip("shap")
    found = shap_maps(darkness, image, np.array([0]))
    glass = np.full_like(image, GLASS)
    assert found.sum() == pytest.approx(darkness(image)[0, 0] - darkness(glass)[0, 0], rel=1e-4)


def test_without_shap_the_error_says_what_to_do(image, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(MissingExtraError, match="shap") as raised:
        shap_maps(darkness, image, np.array([0]))
    assert "hemato-edge[explain]" in raised.value.fix
