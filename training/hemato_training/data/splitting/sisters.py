"""Pictures derived from one original by rotation, zoom and mirroring: the files of an augmented data set.

Such sisters share neither hash nor thumbnail, and their file names need not identify the original. Each picture's
keypoints (SIFT, D. Lowe 2004, as square roots of normalised histograms, R. Arandjelović and A. Zisserman 2012) are
searched among those of all pictures, directly and mirrored; a pair with enough matches counts if one affine map
explains them (RANSAC), preserves shapes, and aligns the fine detail of the two pictures.
"""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.cameras.picture_decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.progress import Reporter

LONG_SIDE = 192
"""Longer side to which pictures are reduced, pixels: a red cell of a 100× field is then about 25 pixels wide. The full
size found no more pairs and took three times as long."""
KEYPOINTS, FEWER_KEYPOINTS, MOST_KEYPOINTS = 150, 60, 600_000
"""Strongest keypoints kept per picture; fewer in a set of more than 4,000, since 600,000 fit into memory."""
_NEIGHBOURS = 12
_CHECKS = 48
"""Leaves of the k-d trees that are searched per keypoint."""
_FARTHEST = 0.35
"""Maximum squared distance (of at most 2) of matching keypoints."""
FEWEST = 8
"""Minimum number of keypoints explained by one map."""
_RANSAC_PX = 4.0
_SMALLEST, _LARGEST, _SHEAR = 0.4, 2.5, 1.4
"""Bounds of the map's scales, and of the ratio of its two scales: augmentation does not distort pictures."""
MIN_OVERLAP = 0.4
"""Minimum overlap as a share of the smaller picture: neighbouring crops of one slide share less."""
MIN_AGREEMENT = 0.55
"""Minimum share of the overlap's structures that agree."""
MIN_DRAWN = 0.05
"""Minimum share of the smaller picture with structures in both: empty glass always matches."""
_WINDOW, _ALIKE, _PLAIN = 21, 0.6, 2.0
"""Side of a window, pixels; minimum correlation of matching windows; standard deviation of an empty one, levels."""
AUGMENTED = 0.3
"""Minimum share of pictures with a sister in an augmented set: overlapping fields are fewer."""
_PART = 32
"""Number of pictures whose keypoints are searched at once."""


@dataclass(frozen=True, slots=True)
class _Keypoints:
    """Keypoints of all pictures, concatenated.

    Attributes:
        places: (n, 2) float32 x, y at the working size.
        values: (n, 128) float32, unit length.
        owners: (n,) intp, index of the picture.
        starts: (pictures + 1,) intp, index of each picture's first one.
    """

    places: NDArray[np.float32]
    values: NDArray[np.float32]
    owners: NDArray[np.intp]
    starts: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SisterPair:
    """Two pictures derived from one original.

    Attributes:
        first: index of the one.
        second: index of the other, larger.
        keypoints: number explained by the map.
        agreement: share of structures that agree after alignment.
        mirrored: whether one is the mirror image of the other.
    """

    first: int
    second: int
    keypoints: int
    agreement: float
    mirrored: bool


def find_sisters(paths: Sequence[Path], reporter: Reporter) -> list[list[int]]:
    """Indices of pictures derived from one original, in groups of two or more.

    Time grows little faster than the number of pictures; unreadable files are skipped.

    Args:
        paths: the picture files.
        reporter: for progress.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        greys = list(pool.map(working_copy, paths))
    return sister_groups(sister_pairs(greys, reporter))


def pairs_of(groups: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Every pair within the groups."""
    return [pair for group in groups for pair in combinations(group, 2)]


def originals_of(pictures: int, sisters: Sequence[Sequence[int]]) -> int | None:
    """Estimated number of originals of an augmented set of this many pictures; None if it is not augmented."""
    files = sum(map(len, sisters))
    return pictures - files + len(sisters) if files > AUGMENTED * pictures else None


def sister_pairs(greys: Sequence[NDArray[np.uint8] | None], reporter: Reporter) -> list[SisterPair]:
    """Every pair of pictures found to be derived from one original.

    Among many sisters not every pair is found directly; `sister_groups` joins them.

    Args:
        greys: (h, w) uint8 each, longer side at most `LONG_SIDE`, from `working_copy`; None is skipped.
        reporter: for progress.
    """
    keypoints = _keypoints_of(greys, reporter)
    if len(keypoints.places) <= _NEIGHBOURS:
        return []
    tree = cv2.flann_Index(keypoints.values, {"algorithm": 1, "trees": 4})  # type: ignore[attr-defined]  # 1: randomised k-d trees
    parts = range(0, len(greys), _PART)
    hits: list[NDArray[np.intp]] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = pool.map(lambda start: _look_up(keypoints, tree, start), parts)
        hits += reporter.track(found, f"looking for sisters of {len(greys)} pictures", len(parts))
    best: dict[tuple[int, int], SisterPair] = {}
    groups = _by_pair(keypoints, np.concatenate(hits))
    for first, second, mirrored, matched in reporter.track(groups, "checking sisters", len(groups)):
        one, other = greys[first], greys[second]
        if one is None or other is None:
            continue
        checked = _check(keypoints, (one, other), matched, mirrored=mirrored)
        if checked is not None and ((first, second) not in best or checked[0] > best[first, second].keypoints):
            best[first, second] = SisterPair(first, second, *checked, mirrored)
    return [best[key] for key in sorted(best)]


def sister_groups(pairs: Sequence[SisterPair]) -> list[list[int]]:
    """Indices of pictures derived from one original, in groups of two or more: connected components of the pairs."""
    root: dict[int, int] = {}

    def find(i: int) -> int:
        while root.setdefault(i, i) != i:
            i = root[i]
        return i

    for pair in pairs:
        root[find(pair.second)] = find(pair.first)
    groups: dict[int, list[int]] = defaultdict(list)
    for i in sorted(root):
        groups[find(i)].append(i)
    return sorted(groups.values())


def working_copy(path: Path) -> NDArray[np.uint8] | None:
    """The picture in grey at the working size, or None if it cannot be read."""
    try:
        grey = decoded(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error):
        return None
    if grey is None:
        return None
    factor = LONG_SIDE / max(grey.shape)
    if factor >= 1:
        return grey.astype(np.uint8)
    size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _keypoints_of(greys: Sequence[NDArray[np.uint8] | None], reporter: Reporter) -> _Keypoints:
    most = min(KEYPOINTS, max(FEWER_KEYPOINTS, MOST_KEYPOINTS // max(1, len(greys))))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(
            reporter.track(
                pool.map(lambda grey: _describe(grey, most), greys), f"keypoints of {len(greys)} pictures", len(greys)
            )
        )
    counts = np.array([len(places) for places, _ in found], np.intp)
    return _Keypoints(
        np.concatenate([places for places, _ in found] or [np.zeros((0, 2), np.float32)]),
        np.concatenate([values for _, values in found] or [np.zeros((0, 128), np.float32)]),
        np.repeat(np.arange(len(greys)), counts),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
    )


def _describe(grey: NDArray[np.uint8] | None, most: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    none = np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    if grey is None or min(grey.shape) < _RANSAC_PX:
        return none
    found, values = cv2.SIFT_create(nfeatures=most, contrastThreshold=0.02).detectAndCompute(grey, None)  # type: ignore[attr-defined]
    if values is None or not len(found):
        return none
    total = values.sum(axis=1, keepdims=True)
    return np.array([point.pt for point in found], np.float32), np.sqrt(values / np.maximum(total, 1e-6)).astype(
        np.float32
    )


def _mirrored(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Descriptors of the same keypoints in the mirrored picture: rows of the 4 × 4 grid and orientations swapped."""
    grid = values.reshape(-1, 4, 4, 8)[:, ::-1][..., (-np.arange(8)) % 8]
    return np.ascontiguousarray(grid.reshape(-1, 128))


def _look_up(keypoints: _Keypoints, tree: Any, start: int) -> NDArray[np.intp]:
    """(m, 3) keypoint, matching keypoint of another picture, and 1 where mirrored."""
    own = slice(keypoints.starts[start], keypoints.starts[min(start + _PART, len(keypoints.starts) - 1)])
    values = keypoints.values[own]
    found = []
    for mirrored, asked in enumerate((values, _mirrored(values))):
        if not len(asked):
            continue
        near, distance = tree.knnSearch(asked, _NEIGHBOURS, params={"checks": _CHECKS})
        rows, columns = np.nonzero(distance < _FARTHEST)
        mine, theirs = rows + own.start, near[rows, columns].astype(np.intp)
        other = keypoints.owners[mine] != keypoints.owners[theirs]
        found.append(np.stack([mine[other], theirs[other], np.full(np.count_nonzero(other), mirrored)], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 3), np.intp)


def _by_pair(keypoints: _Keypoints, hits: NDArray[np.intp]) -> list[tuple[int, int, bool, NDArray[np.intp]]]:
    """First and second picture, whether mirrored, and (m, 2) matched keypoints, for all pairs with enough of them."""
    swapped = keypoints.owners[hits[:, 0]] > keypoints.owners[hits[:, 1]]
    matched = np.where(swapped[:, None], hits[:, 1::-1], hits[:, :2])
    pictures = len(keypoints.starts) - 1
    key = (keypoints.owners[matched[:, 0]] * pictures + keypoints.owners[matched[:, 1]]) * 2 + hits[:, 2]
    order = np.argsort(key, kind="stable")
    key, matched = key[order], matched[order]
    bounds = np.concatenate([np.flatnonzero(np.diff(key, prepend=-1)), [len(key)]])
    found = []
    for start, end in pairwise(bounds.tolist()):
        if end - start >= FEWEST:
            pair, mirrored = divmod(int(key[start]), 2)
            found.append((pair // pictures, pair % pictures, bool(mirrored), np.unique(matched[start:end], axis=0)))
    return [group for group in found if len(group[3]) >= FEWEST]


def _check(
    keypoints: _Keypoints,
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    matched: NDArray[np.intp],
    *,
    mirrored: bool,
) -> tuple[int, float] | None:
    """Number of keypoints explained by one map, and the agreement of the details; None if they are not sisters."""
    here, there = keypoints.places[matched[:, 0]], keypoints.places[matched[:, 1]]
    found, inside = cv2.estimateAffine2D(
        there, here, method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX, maxIters=300, confidence=0.99
    )
    if found is None:
        return None
    scales = np.linalg.svd(found[:, :2], compute_uv=False)
    keeps_shape = scales[1] > _SMALLEST and scales[0] < min(_LARGEST, _SHEAR * scales[1])
    if not keeps_shape or (np.linalg.det(found[:, :2]) < 0) != mirrored:
        return None
    explained = here[inside.ravel() > 0]
    count = len(np.unique(np.round(explained / _RANSAC_PX), axis=0))  # one spot often has several keypoints
    if count < FEWEST:
        return None
    agreement = _agreement(*pictures, found)
    return None if agreement < MIN_AGREEMENT else (count, agreement)


def _agreement(one: NDArray[np.uint8], other: NDArray[np.uint8], onto: NDArray[np.float64]) -> float:
    """Share of the overlap's structures that agree; -1 if the overlap is too small.

    Evaluated window by window: one similar cell would dominate a correlation over the whole, and padding with black
    would spoil it.
    """
    size = one.shape[1], one.shape[0]
    common = cv2.warpAffine(np.full(other.shape, 255, np.uint8), onto, size, flags=cv2.INTER_NEAREST) > 0
    smaller = min(one.size, other.size * abs(float(np.linalg.det(onto[:, :2]))))
    if np.count_nonzero(common) < MIN_OVERLAP * smaller:
        return -1.0
    laid = cv2.warpAffine(other, onto, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    (mean, spread), (mean_laid, spread_laid) = _moments(one), _moments(laid)
    product = cv2.blur(one.astype(np.float32) * laid.astype(np.float32), (_WINDOW, _WINDOW))
    alike = (product - mean * mean_laid) > _ALIKE * spread * spread_laid
    drawn = common & (spread > _PLAIN) & (spread_laid > _PLAIN)
    if np.count_nonzero(drawn) < MIN_DRAWN * smaller:
        return -1.0
    return float(np.mean(alike[drawn]))


def _moments(grey: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of the window around each pixel."""
    exact = grey.astype(np.float32)
    mean = cv2.blur(exact, (_WINDOW, _WINDOW))
    square = cv2.blur(exact * exact, (_WINDOW, _WINDOW))
    return mean.astype(np.float32), np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)
