"""Measuring a cell instead of learning to see it: outline, shape, colour and texture as some seventy numbers.

Nucleus and cell are found by the device's own locator code. Lengths are in red-cell diameters and densities
relative to the reference stain, so the numbers do not depend on camera or magnification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage.feature import graycomatrix, graycoprops
from skimage.measure import label, regionprops

from hemato_edge.vision.classify.crops import CROP_RED_CELLS
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import WORKING_RED_PX
from hemato_edge.vision.locate.separation import grow_cells, nucleus_groups
from hemato_edge.vision.optics.contrast import measure_contrast
from hemato_edge.vision.optics.stain import OFFSET, REFERENCE_LEVEL
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_training.progress import Reporter

BACKGROUND = np.full(3, REFERENCE_LEVEL - OFFSET)
"""Empty glass in a prepared crop, B, G, R."""
GREY_LEVELS = 16
"""Levels of the co-occurrence matrix: more leave it mostly empty for the 700 pixels of a nucleus."""
DISTANCES = (1, 3)
"""Pixels apart that grey levels are compared at; 1 is 0.24 µm."""
_TEXTURES = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation")
_DARKEST = 3.0
_BRIDGE = 0.5
_LOBE = 0.03


@dataclass(frozen=True, slots=True)
class Outline:
    """A cell at the locator's working scale.

    Attributes:
        image: (h, w, 3) uint8 BGR.
        density: (h, w, 3) float32, absorbance in B, G, R.
        nucleus: (h, w) bool; all False where no nuclear stain was found.
        cell: (h, w) bool, the nucleus among it.
    """

    image: Image
    density: NDArray[np.float32]
    nucleus: NDArray[np.bool_]
    cell: NDArray[np.bool_]


def outline_cell(crop: Image) -> Outline:
    """Nucleus and cell in the middle of a prepared crop (S, S, 3) uint8 BGR."""
    factor = CROP_RED_CELLS * WORKING_RED_PX / crop.shape[0]
    contrast = measure_contrast(FieldView(crop, background=BACKGROUND), factor)
    groups = nucleus_groups(contrast, WORKING_RED_PX)
    height, width = groups.shape
    image: Image = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if not groups.any():
        nothing = np.zeros(groups.shape, np.bool_)
        return Outline(image, contrast.density, nothing, nothing)
    rows, columns = np.nonzero(groups)
    nearest = int(np.argmin(np.hypot(rows - height / 2, columns - width / 2)))
    number = int(groups[rows[nearest], columns[nearest]])
    cell = (grow_cells(contrast, groups, WORKING_RED_PX) == number) | (groups == number)
    nucleus = (groups == number) & contrast.nuclei
    return Outline(image, contrast.density, nucleus, _without_neighbours(cell, groups == number))


def _without_neighbours(cell: NDArray[np.bool_], nucleus: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cell without red cells that hang on to it by a narrow bridge, as they do where a crop shows only parts."""
    side = round(_BRIDGE * WORKING_RED_PX) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    opened = cv2.morphologyEx(cell.astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool) | nucleus
    parts = label(opened)
    own = np.bincount(parts[nucleus]).argmax()
    kept: NDArray[np.bool_] = parts == own
    return kept


def describe_cells(images: NDArray[np.uint8], reporter: Reporter | None = None) -> NDArray[np.float64]:
    """(n, features) float64 of prepared crops (n, S, S, 3) uint8 RGB, in the order of `FEATURES`."""
    what = f"measuring {len(images)} cells"
    steps = (reporter or Silent()).track(images, what, len(images))
    rows = [list(describe_cell(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)).values()) for image in steps]
    return np.asarray(rows, np.float64).reshape(len(images), len(FEATURES))


def describe_cell(crop: Image) -> dict[str, float]:
    """Name → number for one prepared crop (S, S, 3) uint8 BGR; always the same names."""
    outline = outline_cell(crop)
    plasm = outline.cell & ~outline.nucleus
    nucleus, cell = _shape(outline.nucleus), _shape(outline.cell)
    found = {f"nucleus {name}": value for name, value in nucleus.items()}
    found |= {f"cell {name}": value for name, value in cell.items()}
    found["nucleus share"] = nucleus["area"] / cell["area"] if cell["area"] else 0.0
    found["lobes"] = _lobes(outline.nucleus)
    for place, mask in (("nucleus", outline.nucleus), ("plasm", plasm)):
        found |= {f"{place} {name}": value for name, value in _colour(outline, mask).items()}
        found |= {f"{place} {name}": value for name, value in _texture(outline.density, mask).items()}
    return found


def _shape(mask: NDArray[np.bool_]) -> dict[str, float]:
    """Form of a region; area in squared red-cell diameters."""
    names = ("area", "eccentricity", "solidity", "extent", "roundness", "hu 1", "hu 2", "hu 3")
    if not mask.any():
        return dict.fromkeys(names, 0.0)
    region = regionprops(mask.astype(np.uint8))[0]
    roundness = 4 * np.pi * region.area / max(float(region.perimeter), 1.0) ** 2
    hu = [float(np.sign(v) * np.log10(abs(v) + 1e-12)) for v in region.moments_hu[:3]]
    values = (region.area / WORKING_RED_PX**2, region.eccentricity, region.solidity, region.extent, roundness, *hu)
    return dict(zip(names, map(float, values), strict=True))


def _lobes(mask: NDArray[np.bool_]) -> float:
    """Parts that a nucleus falls into when its bridges are taken away; specks do not count."""
    if not mask.any():
        return 0.0
    inner = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    parts = label(inner > 0.5 * inner.max())
    sizes = np.bincount(parts.ravel())[1:]
    return float(np.count_nonzero(sizes > _LOBE * np.count_nonzero(mask)))


def _colour(outline: Outline, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Mean, spread and upper tenth of the densities, and mean and spread of Lab's a and b."""
    names = [f"{what} {channel}" for channel in "bgr" for what in ("density", "spread", "upper")]
    names += ["a", "b", "a spread", "b spread"]
    if not mask.any():
        return dict.fromkeys(names, 0.0)
    values: list[float] = []
    for channel in outline.density[mask].T:
        values += [float(channel.mean()), float(channel.std()), float(np.percentile(channel, 90))]
    tint = cv2.cvtColor(outline.image, cv2.COLOR_BGR2LAB)[mask][:, 1:].astype(np.float64)
    values += [*map(float, tint.mean(axis=0)), *map(float, tint.std(axis=0))]
    return dict(zip(names, values, strict=True))


def _texture(density: NDArray[np.float32], mask: NDArray[np.bool_]) -> dict[str, float]:
    """Co-occurrence of grey levels within a region (Haralick et al. 1973), mean over four directions."""
    names = [f"{name} {distance}" for distance in DISTANCES for name in _TEXTURES]
    if np.count_nonzero(mask) < GREY_LEVELS:
        return dict.fromkeys(names, 0.0)
    total = density[..., 1] + density[..., 2]
    # level 0 stands for all that is outside, and its row and column are dropped
    grey = np.where(mask, 1 + np.clip(total * (GREY_LEVELS / _DARKEST), 0, GREY_LEVELS - 1), 0).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    pairs = graycomatrix(grey, DISTANCES, angles, levels=GREY_LEVELS + 1, symmetric=True)[1:, 1:]
    shares = pairs / np.maximum(pairs.sum(axis=(0, 1), keepdims=True), 1)
    table = {name: graycoprops(shares, name).mean(axis=1) for name in _TEXTURES}
    return {f"{name} {d}": float(table[name][i]) for i, d in enumerate(DISTANCES) for name in _TEXTURES}


FEATURES: tuple[str, ...] = tuple(describe_cell(np.full((64, 64, 3), 240, np.uint8)))
"""Names of the numbers, in order."""
