"""Pairs of points that lie near each other, without a table of all with all: a field may hold thousands of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def near_pairs(
    points: NDArray[np.float32] | NDArray[np.float64], others: NDArray[np.float32] | NDArray[np.float64], reach: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices i of `points` (N, 2) and j of `others` (M, 2) that are at most `reach` apart along x and along y.

    The others are sorted along x, so that each point is compared only with those beside it. Pairs come in order of
    (i, j).
    """
    order = np.argsort(others[:, 0], kind="stable")
    along = others[order, 0]
    first = np.searchsorted(along, points[:, 0] - reach, "left")
    counts = np.searchsorted(along, points[:, 0] + reach, "right") - first
    i = np.repeat(np.arange(len(points)), counts)
    j = order[np.arange(len(i)) + np.repeat(first - np.cumsum(counts) + counts, counts)]
    near = np.abs(points[i, 1] - others[j, 1]) <= reach
    i, j = i[near], j[near]
    in_order = np.lexsort((j, i))
    return i[in_order], j[in_order]
