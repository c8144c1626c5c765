"""The locator's input picture: density, foreground and nuclear stain, at a standard scale.

Everything is relative to the picture itself. The background sets the zero of the density; the red cells set the
unit. Haemoglobin absorbs both blue and green, the azure of a nucleus green but little blue: so green minus
slope × blue is zero on red cells, however many overlap, and positive on nuclei and platelets. The slope is measured
in each picture, since it depends on the camera's filters and white balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.resizing import resize
from hemato_edge.vision.optics.stain import density

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.field_view import FieldView

DEFAULT_SLOPE = 1.5
"""Green over blue density of red cells if none is seen. Medians of the training splits: bccd 1.15, pbc_boxes 1.7,
raabin_fields 2.0."""
SLOPE_LIMITS = (1.0, 2.4)
"""Bounds of the measured slope: beyond them something other than red cells was measured (1.0 is grey)."""
DEFAULT_RED_DENSITY = 0.3
"""Green density of red cells if none is seen. Medians of the training splits: bccd 0.24, pbc_boxes 0.30,
raabin_fields 0.47."""
RED_DENSITY_LIMITS = (0.12, 0.6)
"""Bounds of the measured red-cell density."""
NUCLEUS_SHARE = 0.45
"""A pixel is nucleus above this share of the picture's strongest nuclear stain..."""
NUCLEUS_LIMITS = (0.7, 1.2)
"""... which is held within these multiples of the red-cell density. 97 % of red-cell pixels stay below 0.75 of it
in 95 of 100 training fields; the upper quintile of a white cell's box is above 1.2 in 99 of 100."""
FOREGROUND_LIMITS = (0.07, 0.15)
"""Foreground is denser than half a red cell; its threshold stays within these bounds: above camera noise, but low
enough to keep pale cytoplasm."""
_MIN_NUCLEAR = 0.15
_PADDING_LEVEL = 12
_ENOUGH = 20
_SAMPLES = 6000
_LIGHT_SIDE = 24


@dataclass(frozen=True, slots=True)
class Contrast:
    """A picture at working scale.

    Attributes:
        density: (h, w, 3) float32, absorbance over the background in B, G, R, natural logarithm.
        weight: (h, w) float32, absorbance common to all cells: green, or the mean of green and blue if larger.
        nuclear: (h, w) float32, nuclear stain: about 0 on background and red cells, 0.4 to 1.5 on nuclei.
        foreground: (h, w) bool, anything denser than the background.
        nuclei: (h, w) bool, nucleus or platelet.
        threshold: nuclear stain above which a pixel is nucleus.
        red_density: green density of the picture's red cells.
        factor: working pixels per pixel of the picture.
    """

    density: NDArray[np.float32]
    weight: NDArray[np.float32]
    nuclear: NDArray[np.float32]
    foreground: NDArray[np.bool_]
    nuclei: NDArray[np.bool_]
    threshold: float
    red_density: float
    factor: float


def measure_contrast(view: FieldView, factor: float = 1.0) -> Contrast:
    """The contrast of a field resized by `factor`."""
    small = resize(view.picture, factor)
    absorbed = np.asarray(cv2.GaussianBlur(density(small, view.background), (3, 3), 0), np.float32)
    absorbed[_brightest(small) <= _PADDING_LEVEL] = 0
    weight = _weight(absorbed)
    limit = _foreground_threshold(weight)
    absorbed -= _uneven_light(absorbed, weight < limit)
    weight = _weight(absorbed)
    foreground = weight > float(np.clip(limit, *FOREGROUND_LIMITS))
    blue, green = absorbed[..., 0], absorbed[..., 1]
    slope, red_density = _red_cells(blue, green, foreground)
    nuclear = green - slope * np.maximum(blue, 0)
    threshold = _nuclear_threshold(nuclear[foreground], red_density)
    nuclei = (nuclear > threshold) & foreground
    return Contrast(absorbed, weight, nuclear, foreground, nuclei, threshold, red_density, factor)


def _brightest(image: Image) -> NDArray[np.uint8]:
    """(h, w) uint8, the largest channel; several times as fast as numpy's maximum along the last axis."""
    blue, green, red = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)


def _weight(absorbed: NDArray[np.float32]) -> NDArray[np.float32]:
    blue, green = absorbed[..., 0], absorbed[..., 1]
    return np.maximum(green, 0.5 * (green + blue))


def _thinned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A few thousand evenly spaced values: enough for a median."""
    return values[:: max(1, len(values) // _SAMPLES)]


def _foreground_threshold(weight: NDArray[np.float32]) -> float:
    """Half way between background and foreground, by iteration (Ridler and Calvard 1978) on medians."""
    values = np.minimum(_thinned(weight.ravel()), 0.5)
    threshold = FOREGROUND_LIMITS[1]
    for _ in range(4):
        above, below = values[values > threshold], values[values <= threshold]
        if len(above) < _ENOUGH or len(below) < _ENOUGH:
            break
        low, high = float(np.median(below)), float(np.median(above))
        threshold = max(FOREGROUND_LIMITS[0], low + 0.5 * (high - low))
    return threshold


def _uneven_light(absorbed: NDArray[np.float32], empty: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w, 3) float32: smooth local density of the background."""
    height, width = empty.shape
    factor = min(1.0, _LIGHT_SIDE / min(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    share = cv2.resize(empty.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    part = cv2.resize(np.where(empty[..., None], absorbed, 0), size, interpolation=cv2.INTER_AREA)
    reach = _LIGHT_SIDE / 5
    share = cv2.GaussianBlur(share, (0, 0), reach) + 0.02
    part = cv2.GaussianBlur(part, (0, 0), reach)
    light = cv2.resize(part / share[..., None], (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(light, np.float32)


def _red_cells(
    blue: NDArray[np.float32], green: NDArray[np.float32], foreground: NDArray[np.bool_]
) -> tuple[float, float]:
    """Slope and green density of the red cells: the foreground class with relatively more blue density."""
    b, g = _thinned(blue[foreground]), _thinned(green[foreground])
    if len(g) < _ENOUGH:
        return DEFAULT_SLOPE, DEFAULT_RED_DENSITY
    share = b / np.maximum(g, 0.05)
    red = share[share > _otsu(share, -0.3, 1.2)]
    slope = DEFAULT_SLOPE
    if len(red):
        slope = float(np.clip(1 / max(float(np.median(red)), 0.1), *SLOPE_LIMITS))
    on_line = g[np.abs(g - slope * np.maximum(b, 0)) < 0.4 * g]
    if len(on_line) < _ENOUGH:
        return slope, DEFAULT_RED_DENSITY
    return slope, float(np.clip(np.median(on_line), *RED_DENSITY_LIMITS))


def _nuclear_threshold(nuclear: NDArray[np.float32], red_density: float) -> float:
    if len(nuclear) < _ENOUGH:
        return NUCLEUS_LIMITS[1] * red_density
    strongest = float(np.percentile(_thinned(nuclear), 99.5))
    low, high = NUCLEUS_LIMITS
    return max(_MIN_NUCLEAR, float(np.clip(NUCLEUS_SHARE * strongest, low * red_density, high * red_density)))


def _otsu(values: NDArray[np.float32], low: float, high: float) -> float:
    """Otsu's threshold of `values`, clipped to `low`..`high`."""
    levels = np.clip((values - low) * (255 / (high - low)), 0, 255).astype(np.uint8).reshape(1, -1)
    level, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return low + (level + 0.5) * (high - low) / 255
