"""Stains as optical density, and the small canvas on which one cell is drawn.

A drawn slide is composed in optical density (Beer-Lambert): overlapping objects add up, and the picture
is `background * 10 ** -density`. The densities below were measured on May-Grünwald-Giemsa smears
(PBC data set, Acevedo et al. 2020, doi:10.1016/j.dib.2020.105474): medians over 60 images per class, as the
logarithm of the glass's colour over the pixel's; those of the nuclei are increased to compensate `GLARE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]
    """(side, side) float32: an amount or a distance for every supersampled pixel."""
    Outline = NDArray[np.float32]
    """(N, 2) float32: a closed polygon, x y in pixels from the cell's centre."""

Density = tuple[float, float, float]
"""Optical density of one unit of a stain, in the order B, G, R."""

GLASS: Density = (203.0, 228.0, 252.0)
"""Colour of the empty slide, BGR, 0 to 255."""
GLARE: Density = (0.045, 0.004, 0.05)
"""Share of stray light (BGR): the reason why the densest nucleus is indigo, never black."""

NUCLEUS: Density = (0.20, 0.93, 0.64)
NUCLEUS_PALE: Density = (0.175, 0.87, 0.54)
NUCLEUS_PYKNOTIC: Density = (0.235, 0.93, 0.72)
CYTOPLASM_LILAC: Density = (0.065, 0.155, 0.10)
CYTOPLASM_BLUE: Density = (0.09, 0.33, 0.31)
CYTOPLASM_GREY: Density = (0.07, 0.235, 0.205)
CYTOPLASM_ERYTHROID: Density = (0.095, 0.27, 0.235)
CYTOPLASM_ORTHOCHROMATIC: Density = (0.085, 0.20, 0.155)
GRANULE_EOSIN: Density = (0.220, 0.42, 0.145)
GRANULE_AZUROPHIL: Density = (0.12, 0.58, 0.29)
GRANULE_BASOPHIL: Density = (0.205, 0.98, 0.66)
PLATELET_GRANULE: Density = (0.13, 0.74, 0.38)
PLATELET_BODY: Density = (0.07, 0.24, 0.19)
HAEMOGLOBIN: Density = (0.088, 0.142, 0.094)
PRECIPITATE: Density = (0.30, 0.95, 0.65)

SUPERSAMPLE = 2


def soft(distance: Plane, edge_px: float) -> Plane:
    """Coverage 0 to 1 of a shape from its signed distance (pixels, positive inside), ramping over `edge_px`."""
    ramp = np.clip(distance / np.float32(edge_px) + np.float32(0.5), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def wobbly_outline(
    rng: np.random.Generator,
    diameter_px: float,
    wobble: float,
    elongation: float = 1.0,
    points: int = 96,
    turn: float | None = None,
) -> Outline:
    """A closed, roughly round outline.

    Args:
        rng: source of the shape's randomness.
        diameter_px: mean diameter, pixels.
        wobble: relative size of the bumps; 0.03 is smooth, 0.1 amoeboid.
        elongation: long over short axis.
        points: number of the polygon's vertices.
        turn: direction of the long axis, radians; random if None.
    """
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    radius = np.ones(points)
    for k in range(2, 8):
        radius += wobble * rng.normal() * (2 / k) ** 1.3 * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.7, 1.35) * diameter_px / 2
    stretch = np.sqrt(elongation)
    chance = rng.uniform(0, 2 * np.pi)
    turn = chance if turn is None else turn
    x, y = radius * np.cos(angle) * stretch, radius * np.sin(angle) / stretch
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1)
    return np.asarray(turned, np.float32)


class Canvas:
    """A supersampled drawing surface with its origin in the cell's centre.

    Attributes:
        rng: the cell's own random generator.
        half_px: half the side of the finished patch, pixels.
        density: (2 * half_px, 2 * half_px, 3) float32, optical density so far, BGR.
    """

    def __init__(self, rng: np.random.Generator, half_px: int) -> None:
        self.rng = rng
        self.half_px = half_px
        self.side = 2 * half_px * SUPERSAMPLE
        self.density = np.zeros((2 * half_px, 2 * half_px, 3), np.float32)

    def to_pixels(self, points: Outline) -> NDArray[np.int32]:
        """Vertices as fixed-point supersampled pixels with four fractional bits, for OpenCV's drawing."""
        return np.asarray(np.round(((points + self.half_px) * SUPERSAMPLE - 0.5) * 16), np.int32)

    def noise(self, grain_px: float) -> Plane:
        """Smooth noise of mean 0 and standard deviation 1, with grains about `grain_px` pixels wide."""
        step = max(grain_px * SUPERSAMPLE / 2, 1.0)
        n = int(self.side / step) + 4
        coarse = self.rng.standard_normal((n, n), np.float32)
        fine = cv2.resize(coarse, (self.side, self.side), interpolation=cv2.INTER_CUBIC)
        fine = cv2.GaussianBlur(fine, (0, 0), 0.6 * step)
        return np.asarray((fine - fine.mean()) / fine.std(), np.float32)

    def distance(self, *outlines: Outline) -> Plane:
        """Signed distance to the union of polygons, pixels, positive inside."""
        mask = np.zeros((self.side, self.side), np.uint8)
        for outline in outlines:
            cv2.fillPoly(mask, [self.to_pixels(outline)], (1,), shift=4)
        return self._signed(mask)

    def distance_to_discs(self, centres: Outline, radii: NDArray[np.float32]) -> Plane:
        """Signed distance to the union of discs, centres (N, 2) and radii (N,) in pixels, positive inside."""
        mask = np.zeros((self.side, self.side), np.uint8)
        self._discs(mask, centres, radii, np.ones(len(radii), np.uint8))
        return self._signed(mask)

    def granules(
        self, region: Plane, spacing_px: float, radius_px: tuple[float, float], weakest: float = 0.47
    ) -> Plane:
        """Granules on a jittered lattice where `region` is positive.

        Args:
            region: signed distance, pixels; only its positive side is filled.
            spacing_px: mean distance between neighbours, pixels.
            radius_px: smallest and largest radius, pixels.
            weakest: amount of the palest granule.

        Returns:
            amount 0 to 1, random for each granule.
        """
        n = int(2 * self.half_px / spacing_px)
        gx, gy = np.meshgrid(np.arange(n), np.arange(n))
        lattice = np.stack([gx, gy], axis=-1).reshape(-1, 2)
        centres = (lattice + self.rng.uniform(-0.1, 1.1, (n * n, 2))) * spacing_px - self.half_px
        centres = self.rng.permutation(centres).astype(np.float32)
        where = np.clip(((centres + self.half_px) * SUPERSAMPLE).astype(int), 0, self.side - 1)
        centres = centres[region[where[:, 1], where[:, 0]] > 0]
        plane = np.zeros((self.side, self.side), np.uint8)
        radii = self.rng.uniform(*radius_px, len(centres)).astype(np.float32)
        self._discs(plane, centres, radii, self.rng.integers(int(255 * weakest), 256, len(centres)).astype(np.uint8))
        blurred = cv2.GaussianBlur(plane, (0, 0), 0.45 * SUPERSAMPLE)
        return blurred.astype(np.float32) / np.float32(255)

    def add(self, stain: Density, amount: Plane) -> None:
        """Add `amount` (supersampled plane) of a stain."""
        small = cv2.resize(amount, None, fx=1 / SUPERSAMPLE, fy=1 / SUPERSAMPLE, interpolation=cv2.INTER_AREA)
        self.density += small[..., None] * np.asarray(stain, np.float32)

    def patch(self) -> NDArray[np.float16]:
        """The finished cell: (2 * half_px, 2 * half_px, 3) float16 optical density, BGR."""
        return self.density.astype(np.float16)

    def _discs(
        self, plane: NDArray[np.uint8], centres: Outline, radii: NDArray[np.float32], values: NDArray[np.uint8]
    ) -> None:
        spots = self.to_pixels(centres).tolist()
        sizes = np.maximum(np.round(radii * SUPERSAMPLE * 16), 1).astype(int).tolist()
        for (x, y), size, value in zip(spots, sizes, values.tolist(), strict=True):
            cv2.circle(plane, (x, y), size, value, -1, cv2.LINE_8, 4)

    @staticmethod
    def _signed(mask: NDArray[np.uint8]) -> Plane:
        inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
        outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
        return np.asarray((inside - outside) / SUPERSAMPLE, np.float32)
