"""Cell segmentation: lobes joined to nuclei, nuclei grown to cells, touching cells split.

All lengths are in working pixels, relative to `red`, the diameter of a red cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.vision.optics.contrast import Contrast

LOBE_GAP = 0.5
"""Maximum gap between lobes of one nucleus, in red-cell diameters..."""
CELL_EXTENT = 2.0
"""... which together are no larger than this: white cells measure 1.3 to 2.2 red-cell diameters..."""
WHOLE_NUCLEUS = 0.95
"""... and not both as large as a whole nucleus (diameter of the disc of equal area)."""
MIN_STAINED = 0.12
"""Smaller stained specks are dirt or noise: 0.9 µm, below the smallest platelets."""
CELL_MARGIN = 0.9
"""Cytoplasm is sought this far around a nucleus, in red-cell diameters."""
RED_CELL_AREA = 0.25
"""Minimum foreground away from nuclei for red cells to be considered present, in squared red-cell diameters."""
PALE = (0.045, 0.5)
"""Pale cytoplasm exceeds the background by the first, and is below the second in red-cell densities."""
MAX_LEAK = 0.15
"""If more than this share of the search area's rim would be pale cytoplasm, the background is uneven instead."""
FOREIGN = 1.1
"""A colour is foreign to the red cells above this multiple of their own 90th percentile."""


def nucleus_groups(contrast: Contrast, red: float) -> NDArray[np.int32]:
    """(h, w) int32: the number of the nucleus or platelet, from 1; 0 where there is no nuclear stain."""
    mask = contrast.nuclei.astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= max(3.0, np.pi / 4 * (MIN_STAINED * red) ** 2)
    keep[0] = False
    number = np.zeros(count, np.int32)
    number[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    parts = number[labels]
    areas = stats[keep, cv2.CC_STAT_AREA].astype(float)
    boxes = stats[keep, :4].astype(float)
    boxes[:, 2:] += boxes[:, :2]
    joined = _join(_gaps(parts, contrast.foreground), areas, boxes, red)
    return np.asarray(joined[parts], np.int32)


def _gaps(parts: NDArray[np.int32], foreground: NDArray[np.bool_]) -> list[tuple[float, int, int]]:
    """Gaps between neighbouring parts bridged by foreground: (gap in pixels, part, part), shortest first."""
    if parts.max() < 2:
        return []
    distance, nearest = nearest_cell(parts)
    best: dict[tuple[int, int], float] = {}
    for one, other in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        ridge = (nearest[one] != nearest[other]) & foreground[one] & foreground[other]
        gaps = (distance[one] + distance[other])[ridge]
        for a, b, gap in zip(nearest[one][ridge].tolist(), nearest[other][ridge].tolist(), gaps.tolist(), strict=True):
            pair = (min(a, b), max(a, b))
            best[pair] = min(gap, best.get(pair, np.inf))
    return sorted((gap, a, b) for (a, b), gap in best.items())


def _join(
    gaps: list[tuple[float, int, int]], areas: NDArray[np.float64], boxes: NDArray[np.float64], red: float
) -> NDArray[np.int32]:
    """(parts + 1,) int32: the group of each part, numbered from 1; 0 stays 0."""
    parent = np.arange(len(areas) + 1)
    area = np.concatenate([[0.0], areas])
    box = np.concatenate([np.zeros((1, 4)), boxes])

    def root(part: int) -> int:
        while parent[part] != part:
            part = int(parent[part])
        return part

    whole = np.pi / 4 * (WHOLE_NUCLEUS * red) ** 2
    for gap, one, other in gaps:
        a, b = root(one), root(other)
        if gap > LOBE_GAP * red:
            break
        if a == b or min(area[a], area[b]) > whole:
            continue
        union = np.concatenate([np.minimum(box[a, :2], box[b, :2]), np.maximum(box[a, 2:], box[b, 2:])])
        if max(union[2] - union[0], union[3] - union[1]) > CELL_EXTENT * red:
            continue
        parent[b] = a
        area[a] += area[b]
        box[a] = union
    roots = np.array([root(part) for part in range(len(parent))])
    _, group = np.unique(roots, return_inverse=True)
    return np.asarray(group, np.int32)


def grow_cells(contrast: Contrast, nuclei: NDArray[np.int32], red: float) -> NDArray[np.int32]:
    """Nuclei (h, w) int32 grown to whole cells, same numbers, shape and dtype.

    Cytoplasm is the foreground around a nucleus that differs in colour from the picture's red cells; where it does
    not, a watershed on the colour (Meyer 1992, as in OpenCV) between the nucleus, the background and the centres of
    the red cells decides. In a picture without red cells all foreground around the nucleus is the cell.
    """
    away, nearest = nearest_cell(nuclei)
    near = away < CELL_MARGIN * red
    cytoplasm, has_red = _cytoplasm(contrast, nuclei, near, red)
    foreground = fill_holes(contrast.foreground | cytoplasm | (nuclei > 0), 0.5 * red)
    plain = foreground & ~cytoplasm & (nuclei == 0)
    depth = cv2.distanceTransform(plain.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    cells = int(nuclei.max())
    markers = np.where(cytoplasm | (nuclei > 0), nearest, 0).astype(np.int32)
    if has_red:
        markers[(depth > 0.25 * red) & (away > 0.3 * red)] = cells + 1
    markers[~foreground | ~near] = cells + 2
    scaled = np.clip(contrast.density * (100 / contrast.red_density) + 40, 0, 255).astype(np.uint8)
    cv2.watershed(scaled, markers)
    markers[(markers > cells) | (markers < 0)] = 0
    return tidy(markers, nuclei, red)


def _cytoplasm(
    contrast: Contrast, nuclei: NDArray[np.int32], near: NDArray[np.bool_], red: float
) -> tuple[NDArray[np.bool_], bool]:
    """Pixels (h, w) that are certainly cytoplasm, and whether the picture has any red cells."""
    far = contrast.foreground & ~near
    has_red = bool(np.count_nonzero(far) > RED_CELL_AREA * red**2)
    seed = contrast.foreground
    if has_red:
        seed = foreign_colour(contrast, far) > FOREIGN
    nucleus = nuclei > 0
    free = near & ~nucleus
    cytoplasm = _opened_at(seed & free, nucleus, red)
    with_pale = _opened_at((seed | _pale(contrast, near, red)) & free, nucleus, red)
    rim = free & ~cv2.erode(near.astype(np.uint8), _disc(0.15 * red)).astype(np.bool_)
    leaks = np.count_nonzero(with_pale & rim) > MAX_LEAK * np.count_nonzero(rim)
    return cytoplasm if leaks else with_pale, has_red


def _pale(contrast: Contrast, near: NDArray[np.bool_], red: float) -> NDArray[np.bool_]:
    """Pixels (h, w) slightly denser than the background elsewhere in the picture."""
    weight = cv2.GaussianBlur(contrast.weight, (0, 0), 0.05 * red)
    empty = cv2.erode((~contrast.foreground & ~near).astype(np.uint8), _disc(0.2 * red)) > 0
    floor = PALE[0]
    if empty.any():
        middle, high = np.percentile(weight[empty], (50, 95))
        floor = max(middle + PALE[0], high)
    return (weight > floor) & (weight < PALE[1] * contrast.red_density)


def _opened_at(mask: NDArray[np.bool_], nucleus: NDArray[np.bool_], red: float) -> NDArray[np.bool_]:
    """`mask` (h, w) without threads, and only where connected to the nuclei."""
    opened = cv2.morphologyEx((mask | nucleus).astype(np.uint8), cv2.MORPH_OPEN, _disc(0.2 * red))
    return touching(mask & (opened > 0), nucleus)


def touching(mask: NDArray[np.bool_], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of `mask` (h, w) connected to `core` (h, w), without the core."""
    count, labels = cv2.connectedComponents((mask | core).astype(np.uint8), connectivity=4)
    hit = np.zeros(count, np.bool_)
    hit[labels[core]] = True
    hit[0] = False
    return np.asarray(hit[labels] & ~core, np.bool_)


def nearest_cell(labels: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Distance to the nearest labelled pixel, (h, w) float32, and that pixel's label, (h, w) int32."""
    distance, place = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
    )
    label_of = np.zeros(int(place.max()) + 1, np.int32)
    label_of[place[labels > 0]] = labels[labels > 0]
    return distance.astype(np.float32), label_of[place]


def foreign_colour(contrast: Contrast, red_cells: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w) float32: density not explained by any amount of red cell, in units of the red cells' own spread.

    Computed as the distance of the density from the line through zero and the median of `red_cells` (h, w) bool.
    """
    sample = contrast.density[red_cells & (np.abs(contrast.nuclear) < 0.4 * contrast.density[..., 1])]
    if len(sample) < 30:
        sample = contrast.density[red_cells]
    line = np.median(sample, axis=0)
    line /= max(float(np.linalg.norm(line)), 1e-6)
    rest = contrast.density - (contrast.density @ line)[..., None] * line
    distance = cv2.GaussianBlur(np.sqrt((rest * rest).sum(axis=2)), (3, 3), 0)
    spread = float(np.percentile(distance[red_cells], 90))
    return np.asarray(distance / max(spread, 0.1 * contrast.red_density), np.float32)


def _disc(diameter: float) -> NDArray[np.uint8]:
    size = max(3, round(diameter) | 1)
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.uint8)


def tidy(cells: NDArray[np.int32], nuclei: NDArray[np.int32], red: float) -> NDArray[np.int32]:
    """Removes threads: each cell of labels (h, w) is opened by a disc of 0.2 red cells, its nucleus joined again."""
    opened = cv2.morphologyEx((cells > 0).astype(np.uint8), cv2.MORPH_OPEN, _disc(0.2 * red))
    result = np.where(opened > 0, cells, 0).astype(np.int32)
    core = nuclei > 0
    result[~touching(result > 0, core)] = 0
    result[core] = nuclei[core]
    return result


def fill_holes(mask: NDArray[np.bool_], diameter: float) -> NDArray[np.bool_]:
    """`mask` (h, w) with its holes up to the area of a disc of `diameter` pixels filled."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= np.pi / 4 * diameter**2
    small[0] = False
    height, width = mask.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    small &= (left > 0) & (top > 0)
    small &= (left + stats[:, cv2.CC_STAT_WIDTH] < width) & (top + stats[:, cv2.CC_STAT_HEIGHT] < height)
    return mask | small[labels] if count > 1 else mask


def boxes_of(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """(N, 4) float32, x0 y0 x1 y1 in working pixels of the numbers 1..N; zeros for a number without pixels."""
    count = int(labels.max())
    boxes = np.zeros((count, 4), np.float32)
    rows, columns = np.nonzero(labels)
    number = labels[rows, columns] - 1
    for side, place, least in ((0, columns, True), (1, rows, True), (2, columns, False), (3, rows, False)):
        if least:
            edge = np.full(count, np.iinfo(np.int32).max, np.int64)
            np.minimum.at(edge, number, place)
            edge[edge == np.iinfo(np.int32).max] = 0
        else:
            edge = np.zeros(count, np.int64)
            np.maximum.at(edge, number, place + 1)
        boxes[:, side] = edge
    return boxes


def renumbered(labels: NDArray[np.int32], keep: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(h, w) int32: `labels` with only the numbers n where keep[n - 1], renumbered from 1."""
    number = np.zeros(len(keep) + 1, np.int32)
    number[1:][keep] = np.arange(1, np.count_nonzero(keep) + 1)
    return np.asarray(number[labels], np.int32)
