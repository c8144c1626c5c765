"""Red cells by their outlines, so that overlapping cells are found individually.

Every edge pixel votes for the places a red cell's radius inwards (the fast radial symmetry of Loy and Zelinsky
2003, for dark discs); around each place with many votes dynamic programming along rays finds the best closed contour.
A contour supported by edges along its whole circumference is a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.locate.candidates import Candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.vision.optics.contrast import Contrast

VOTE_RADII = (0.34, 0.40, 0.46, 0.52, 0.58)
"""Radii voted for, in red-cell diameters: cells of 0.7 to 1.2 times the median."""
RAYS = 32
REACH = (0.2, 0.8)
"""Shortest and longest ray of a contour, in red-cell diameters."""
BEND = 0.08
"""Cost of a step of one working pixel from ray to ray, in edge strength (red-cell densities)."""
MARGIN = 0.055
"""The steepest point of the edge lies this far inside the box that annotators draw (red-cell diameters; bccd,
raabin_fields and pbc_boxes training splits)."""
MIN_VOTES = 0.6
"""Places with fewer votes (edge strength over radius, in red-cell diameters) are skipped."""
OUTSIDE = 0.4
"""Centres of cells cut by the border are sought this far outside, in red-cell diameters."""
MIN_EDGE = 0.08
"""Minimum steepness of an edge per working pixel, in red-cell densities."""
_EDGE_CAP = 0.25


FEATURES = ("support", "edge", "filled", "density", "nuclear", "white", "votes", "size", "ragged", "inside")


def find_outlines(contrast: Contrast, white: NDArray[np.bool_], red: float) -> Candidates:
    """Candidates in a picture with red cells of `red` pixels; `white` (h, w) bool is covered by white cells."""
    edges = steep_edges(contrast.weight, contrast.red_density, skip=white)
    centres, votes = vote_centres(edges, red)
    if not len(centres):
        return Candidates.none(len(FEATURES))
    radii, features = _trace(contrast, white, centres, red)
    angle = np.arange(RAYS) * (2 * np.pi / RAYS)
    x = centres[:, :1] + radii * np.cos(angle) + 0.5
    y = centres[:, 1:] + radii * np.sin(angle) + 0.5
    margin = MARGIN * red
    boxes = np.stack([x.min(1) - margin, y.min(1) - margin, x.max(1) + margin, y.max(1) + margin], 1)
    features[:, FEATURES.index("votes")] = np.log(votes)
    return Candidates(boxes.astype(np.float32), features)


@dataclass(frozen=True, slots=True)
class Edges:
    """The steep pixels of a density picture (h, w).

    Attributes:
        x, y: (N,) float32, position, pixels.
        towards_x, towards_y: (N,) float32, unit vector towards the denser side.
        strength: (N,) float32, slope per pixel in red-cell densities, capped so that no nucleus outvotes a red cell.
        shape: (h, w) of the picture.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    towards_x: NDArray[np.float32]
    towards_y: NDArray[np.float32]
    strength: NDArray[np.float32]
    shape: tuple[int, int]

    def votes(self, radius: float, pad: int) -> NDArray[np.float64]:
        """(h + 2 pad, w + 2 pad) float64: summed strength of the edges at `radius` pixels around each pixel."""
        height, width = self.shape[0] + 2 * pad, self.shape[1] + 2 * pad
        x = np.rint(self.x + radius * self.towards_x).astype(np.intp) + pad
        y = np.rint(self.y + radius * self.towards_y).astype(np.intp) + pad
        votes = np.bincount(y * width + x, self.strength, height * width)
        return np.asarray(votes, np.float64).reshape(height, width)


def steep_edges(
    weight: NDArray[np.float32], unit: float, floor: float = MIN_EDGE, skip: NDArray[np.bool_] | None = None
) -> Edges:
    """Edges of `weight` (h, w) steeper than `floor` × `unit` per pixel, except those in `skip` (h, w) bool."""
    slope_x = cv2.Scharr(weight, cv2.CV_32F, 1, 0, scale=1 / 32)
    slope_y = cv2.Scharr(weight, cv2.CV_32F, 0, 1, scale=1 / 32)
    steep = cv2.magnitude(slope_x, slope_y)
    chosen = steep > floor * unit
    if skip is not None:
        chosen &= ~skip
    rows, columns = np.nonzero(chosen)
    size = steep[rows, columns]
    return Edges(
        columns.astype(np.float32),
        rows.astype(np.float32),
        slope_x[rows, columns] / size,
        slope_y[rows, columns] / size,
        np.minimum(size / unit, _EDGE_CAP),
        (weight.shape[0], weight.shape[1]),
    )


def vote_centres(edges: Edges, red: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Places with many edges at the radius of red cells of diameter `red`: (N, 2) x y, and (N,) votes."""
    pad = round(red)
    votes = sum(edges.votes(radius * red, pad) / radius for radius in VOTE_RADII)
    smooth = np.asarray(cv2.GaussianBlur(np.asarray(votes, np.float32), (0, 0), 0.07 * red), np.float32)
    side = round(0.35 * red) | 1
    peak = smooth >= cv2.dilate(smooth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    peak &= smooth > MIN_VOTES
    margin = pad - round(OUTSIDE * red)
    height, width = smooth.shape
    peak[:margin], peak[height - margin :] = False, False
    peak[:, :margin], peak[:, width - margin :] = False, False
    y, x = np.nonzero(peak)
    return np.stack([x - pad, y - pad], 1).astype(np.float32), smooth[y, x]


def _trace(
    contrast: Contrast, white: NDArray[np.bool_], centres: NDArray[np.float32], red: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Radii (N, RAYS) of the best contours, and their features (N, F)."""
    unit = contrast.red_density
    first = max(1, round(REACH[0] * red))
    steps = np.arange(1, round(REACH[1] * red) + 2, dtype=np.float32)
    channels = np.dstack([contrast.weight / unit, contrast.nuclear / unit, contrast.foreground, white]).astype(
        np.float32
    )
    rays = _along_rays(channels, centres, steps)
    density, height, width = rays[..., 0], *contrast.weight.shape
    fall = np.zeros_like(density)
    fall[..., 1:-1] = density[..., :-2] - density[..., 2:]
    index = best_contours(np.clip(fall[..., first - 1 :], -0.1, 0.6)) + first - 1
    radii = steps[index]
    edge = np.take_along_axis(fall, index[..., None], 2)[..., 0]
    angle = np.arange(RAYS) * (2 * np.pi / RAYS)
    x, y = centres[:, :1] + radii * np.cos(angle), centres[:, 1:] + radii * np.sin(angle)
    seen = (x > 1) & (y > 1) & (x < width - 2) & (y < height - 2)
    number = np.maximum(seen.sum(1), 1)
    inside = (np.arange(len(steps)) < index[..., None]) * steps
    area = inside.sum((1, 2))
    mean = (rays * inside[..., None]).sum((1, 2)) / area[:, None]
    smooth = (np.roll(radii, 1, 1) + np.roll(radii, -1, 1) + np.roll(radii, 2, 1) + np.roll(radii, -2, 1)) / 4
    features = np.stack(
        [
            ((edge > 0.1) & seen).sum(1) / number,
            (np.clip(edge, -0.2, 0.6) * seen).sum(1) / number,
            mean[:, 2],
            np.minimum(mean[:, 0], 2.5),
            np.clip(mean[:, 1], -0.5, 2),
            mean[:, 3],
            np.zeros(len(centres)),
            np.abs(np.log(2 * np.sqrt((radii**2).mean(1)) / red)),
            np.abs(radii - smooth).mean(1) / red,
            seen.mean(1),
        ],
        axis=1,
    )
    return radii, features.astype(np.float64)


def _along_rays(
    channels: NDArray[np.float32], centres: NDArray[np.float32], steps: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, RAYS, S, C) float32: `channels` (h, w, C) at the distances `steps` (S,) from the centres (N, 2)."""
    angle = (np.arange(RAYS) * (2 * np.pi / RAYS)).astype(np.float32)
    x = np.rint(centres[:, None, None, 0] + np.cos(angle)[None, :, None] * steps).astype(np.intp)
    y = np.rint(centres[:, None, None, 1] + np.sin(angle)[None, :, None] * steps).astype(np.intp)
    height, width = channels.shape[:2]
    return channels[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]


def best_contours(gain: NDArray[np.float32]) -> NDArray[np.intp]:
    """(N, R) index of the closed contour with the greatest gain, for gains (N, R rays, K radii).

    Neighbouring rays differ by at most one step, at a cost of `BEND`. Dynamic programming runs twice around; the
    middle turn is used, where the contour has closed.
    """
    count, rays, depth = gain.shape
    total = np.zeros((count, depth), np.float32)
    back = np.zeros((2 * rays, count, depth), np.int8)
    options = np.full((3, count, depth), -np.inf, np.float32)
    for step in range(2 * rays):
        options[0, :, 1:] = total[:, :-1] - BEND
        options[1] = total
        options[2, :, :-1] = total[:, 1:] - BEND
        choice = options.argmax(axis=0)
        back[step] = choice - 1
        total = np.take_along_axis(options, choice[None], 0)[0] + gain[:, step % rays]
    at = total.argmax(axis=1)
    every = np.arange(count)
    index = np.zeros((count, rays), np.intp)
    for step in range(2 * rays - 1, -1, -1):
        if rays // 2 <= step < rays + rays // 2:
            index[:, step % rays] = at
        at = at + back[step, every, at]
    return index
