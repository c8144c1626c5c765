"""Appearance augmentation of locator views: another microscope, camera, lamp or stain.

The views have a normalised background, as on the device; dyes, filters, sharpness and noise are varied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_training.augment.stain_and_optics import change_hue, change_light, change_softness, compress

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from hemato_edge.values import Image

PLAIN = 0.25
"""Share of views with unchanged colours and sharpness."""
GREY = 0.06
"""Share of views from a nearly monochrome camera, at strength 1."""
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)
_LEVELS = np.arange(256, dtype=np.float32)
_GLASS = 240.0


def another_look(piece: Image, rng: Generator, strength: float) -> Image:
    """The view with the appearance of another laboratory.

    Args:
        piece: (S, S, 3) uint8 BGR, its background at the reference level.
        rng: source of all randomness.
        strength: 0 to 1.
    """
    if strength <= 0 or rng.random() < PLAIN:
        return piece
    piece = change_softness(piece, rng, strength)
    coloured = change_dyes(piece, rng, strength)
    if rng.random() < 0.5:
        coloured = change_light(coloured, rng, strength)
    if rng.random() < 0.4 * strength:
        noise = rng.standard_normal(coloured.shape, np.float32)
        coloured = coloured + noise * np.float32(rng.uniform(1, 9 * strength))
    finished: Image = np.clip(coloured, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        finished = change_hue(finished, rng, strength)
    if rng.random() < 0.3 * strength:
        finished = compress(finished, int(rng.integers(40, 95)))
    return finished


def change_dyes(picture: Image, rng: Generator, strength: float) -> NDArray[np.float32]:
    """Another dye, lamp and sensor; (S, S, 3) float32, not clipped.

    Per channel a power (in optical density: more or less dye) and a gain (an error of the measured background), as a
    look-up table; then a 3 × 3 mixing of the channels near the identity (another sensor's filters; rows sum to one, so
    grey stays grey).
    """
    power = np.exp(rng.normal(0, 0.28 * strength) + rng.normal(0, 0.16 * strength, 3))
    gain = np.exp(rng.normal(0, 0.07 * strength, 3))
    level = np.power(_LEVELS[:, None] / _GLASS, power) * (_GLASS * gain)
    tables: NDArray[np.float32] = np.minimum(level, 255.0).astype(np.float32)[None]
    mixing = np.eye(3) + rng.normal(0, 0.13 * strength, (3, 3))
    if rng.random() < GREY * strength:
        mixing = mixing * 0.15 + 0.85 * np.tile(_LUMA, (3, 1))
    mixing /= mixing.sum(axis=1, keepdims=True)
    dyed = cv2.LUT(picture, tables)
    return cv2.transform(dyed, mixing.astype(np.float32))  # type: ignore[return-value]
