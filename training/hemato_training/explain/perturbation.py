"""Maps by perturbation: what the answer loses when parts of the crop are replaced by empty glass.

They need only a model's logits, so they explain any model: Keras, classical, and the int8 bundle as it runs on the
device. All replace by the glass of the reference stain, which a crop shows where nothing lies.

* Occlusion: `hemato_edge.vision.classify.occlusion`, which the device uses, too.
* LIME on superpixels: M. T. Ribeiro, S. Singh and C. Guestrin, "Why should I trust you?", KDD 2016. Our own, since the
  library of that name has had no release since 2020.
* SHAP: S. M. Lundberg and S.-I. Lee, "A unified approach to interpreting model predictions", NIPS 2017, by the library
  `shap`: Owen values over halves of the picture, its way for models that are only asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import MissingExtraError
from hemato_edge.vision.classify.occlusion import GLASS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.vision.classify.occlusion import Logits

SEGMENTS, SAMPLES, KERNEL_WIDTH = 48, 300, 0.25
"""LIME: superpixels, pictures tried a crop, and the width of the kernel over cosine distances (the paper's)."""
EVALUATIONS = 300
"""SHAP: pictures tried a crop, at most."""


def lime_maps(logits: Logits, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """The weight of each superpixel in a linear model of a label's logit near the crop.

    Args:
        logits: of the model.
        images: (n, S, S, 3) uint8 RGB, prepared crops.
        labels: (n,) which logit is explained.

    Returns:
        (n, S, S) float32, logits a superpixel.
    """
    from skimage.segmentation import slic
    from sklearn.linear_model import Ridge

    maps = np.empty(images.shape[:3], np.float32)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        segments = slic(image, n_segments=SEGMENTS, compactness=10, start_label=0, channel_axis=-1)
        count = int(segments.max()) + 1
        kept = np.random.default_rng(i).random((SAMPLES, count)) < 0.5
        kept[0] = True
        changed = np.where(kept[:, segments][..., None], image, np.uint8(GLASS))
        distances = 1 - np.sqrt(kept.mean(axis=1))
        linear = Ridge(alpha=1.0).fit(
            kept.astype(np.float64), logits(changed)[:, label], np.exp(-((distances / KERNEL_WIDTH) ** 2))
        )
        maps[i] = linear.coef_[segments]
    return maps


def shap_maps(logits: Logits, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """The SHAP values of a label's logit, summed over the channels.

    Args:
        logits: of the model.
        images: (n, S, S, 3) uint8 RGB, prepared crops.
        labels: (n,) which logit is explained.

    Returns:
        (n, S, S) float32, logits a pixel; their sum is the logit less that of empty glass.

    Raises:
        MissingExtraError: `shap` is not installed.
    """
    shap = _shap()
    masker = shap.maskers.Image(np.full(images.shape[1:], float(GLASS)))
    maps = np.empty(images.shape[:3], np.float32)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):

        def of_label(changed: NDArray[Any], label: int = int(label)) -> NDArray[np.float32]:
            return logits(np.rint(changed).astype(np.uint8))[:, [label]]

        explainer = shap.PartitionExplainer(of_label, masker)
        values = explainer(image[None].astype(np.float64), max_evals=EVALUATIONS, batch_size=50, silent=True).values
        maps[i] = values[0, ..., 0].sum(axis=-1)
    return maps


def _shap() -> Any:
    try:
        import shap
    except ImportError as error:
        raise MissingExtraError(
            "SHAP values need the library shap.", "pip install 'hemato-edge[explain]'   (or --explain occlusion)"
        ) from error
    return shap
