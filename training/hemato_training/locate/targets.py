"""Target maps of the locator for a picture with annotated boxes, and the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from hemato_edge.labels import KINDS
from hemato_edge.vision.locate.peaks import BOX_VALUES, STRIDE, places

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREAD = 0.54 / 6
"""Standard deviation of a peak relative to the side of its box (TTFNet, Liu et al. 2020, α = 0.54)."""
MIN_SPREAD = 0.7
"""Minimum standard deviation of a peak, places: a platelet is four places wide."""
LEARNT_AT = 0.1
"""Places where the peak is higher than this also learn the box: more places than the centre speed up training."""
BOX_SHARE = 2.0
"""Weight of the box loss relative to the heat loss."""
_FOCUS, _NEAR = 2.0, 4.0


def encode(
    boxes: NDArray[np.float32], kinds: NDArray[np.intp], size: int, red_cell_px: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Target maps of one view.

    Args:
        boxes: (N, 4) float32 xyxy, pixels of the view.
        kinds: (N,) indices into `labels.KINDS`.
        size: side of the view, pixels.
        red_cell_px: standard diameter of a red cell, pixels.

    Returns:
        Heat (h, h, 2 × kinds): the peaks, then the weight of each place as background (1); boxes (h, h, 5 × kinds):
        values as in `find_peaks`, then the weight of each place. All float32.
    """
    side = size // STRIDE
    heat = np.zeros((side, side, 2 * len(KINDS)), np.float32)
    heat[..., len(KINDS) :] = 1
    values = np.zeros((side, side, len(KINDS), BOX_VALUES), np.float32)
    weights = np.zeros((side, side, len(KINDS)), np.float32)
    x, y = places(side, side)
    for box, kind in zip(boxes, kinds, strict=True):
        width, height = float(box[2] - box[0]), float(box[3] - box[1])
        middle = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        peak = _peak(x, y, middle, (width, height))
        own = (peak > LEARNT_AT) & (peak > heat[..., kind])
        heat[..., kind] = np.maximum(heat[..., kind], peak)
        share = peak[own]
        weights[own, kind] = share / max(float(share.sum()), 1e-6)
        values[own, kind, 0] = (middle[0] - x[own]) / red_cell_px
        values[own, kind, 1] = (middle[1] - y[own]) / red_cell_px
        values[own, kind, 2] = np.log(width / red_cell_px)
        values[own, kind, 3] = np.log(height / red_cell_px)
    flat = values.reshape(side, side, len(KINDS) * BOX_VALUES)
    return heat, np.concatenate([flat, weights], axis=2)


def _peak(
    x: NDArray[np.float32], y: NDArray[np.float32], middle: tuple[float, float], extent: tuple[float, float]
) -> NDArray[np.float32]:
    """A Gaussian over all places, scaled to 1 at the place nearest to the box's middle."""
    side = x.shape[0]
    column, row = (int(np.clip(v // STRIDE, 0, side - 1)) for v in middle)
    wide, high = (max(SPREAD * v, MIN_SPREAD * STRIDE) for v in extent)
    across = np.exp(-0.5 * ((x[0] - x[0, column]) / wide) ** 2)
    along = np.exp(-0.5 * ((y[:, 0] - y[row, 0]) / high) ** 2)
    return np.asarray(along[:, None] * across[None], np.float32)


def ignore(heat: NDArray[np.float32], boxes: NDArray[np.float32], kinds: NDArray[np.intp]) -> None:
    """Remove the inner parts of doubtful boxes (n, 4) from the background of a target from `encode`, in place."""
    side = heat.shape[0]
    x, y = places(side, side)
    for box, kind in zip(boxes, kinds, strict=True):
        width, height = max(float(box[2] - box[0]), 1.0), max(float(box[3] - box[1]), 1.0)
        across = (2 * x - box[0] - box[2]) / width
        along = (2 * y - box[1] - box[3]) / height
        heat[across**2 + along**2 < 1, len(KINDS) + kind] = 0


@keras.saving.register_keras_serializable("hemato_training")  # type: ignore[untyped-decorator]
def heat_loss(target: Any, logits: Any) -> Any:
    """Penalty-reduced focal loss of the heat maps (Zhou et al. 2019), divided by the number of peaks of each kind.

    All kinds have equal weight: a field has one white cell and a dozen red ones, and the white one matters most.

    Args:
        target: (n, h, w, 2 × kinds), from `encode`.
        logits: (n, h, w, kinds).
    """
    peaks, weight = target[..., : len(KINDS)], target[..., len(KINDS) :]
    centre = ops.cast(peaks >= 0.9999, logits.dtype)
    yes, no = _log_sigmoid(logits), _log_sigmoid(-logits)
    probability = ops.sigmoid(logits)
    found = centre * (1 - probability) ** _FOCUS * yes
    empty = (1 - centre) * weight * (1 - peaks) ** _NEAR * probability**_FOCUS * no
    by_kind = ops.sum(found + empty, axis=(0, 1, 2)) / ops.maximum(ops.sum(centre, axis=(0, 1, 2)), 1.0)
    return -ops.mean(by_kind)


@keras.saving.register_keras_serializable("hemato_training")  # type: ignore[untyped-decorator]
def box_loss(target: Any, values: Any) -> Any:
    """Error of middle and size, relative to the size, smooth near zero: mean over boxes, then over kinds.

    Args:
        target: (n, h, w, 5 × kinds), from `encode`.
        values: (n, h, w, 4 × kinds).
    """
    split = len(KINDS) * BOX_VALUES
    shape = (*values.shape[1:3], len(KINDS), BOX_VALUES)
    wanted = ops.reshape(target[..., :split], (-1, *shape))
    given = ops.reshape(values, (-1, *shape))
    weight = target[..., split:]
    off = given - wanted
    relative = ops.concatenate([off[..., :2] / ops.exp(wanted[..., 2:]), off[..., 2:]], axis=-1)
    near = 0.05
    size = ops.abs(relative)
    smooth = ops.where(size < near, 0.5 * size * size / near, size - 0.5 * near)
    boxes = ops.maximum(ops.sum(weight, axis=(0, 1, 2)), 1.0)
    by_kind = ops.sum(ops.sum(smooth, axis=-1) * weight, axis=(0, 1, 2)) / boxes
    return BOX_SHARE * ops.mean(by_kind)


def _log_sigmoid(x: Any) -> Any:
    return -ops.softplus(-x)
