"""Nuclei of drawn cells: shapes as signed distances, chromatin as an amount of stain."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.cameras.demo.stain import Canvas, soft, wobbly_outline

if TYPE_CHECKING:
    from hemato_edge.cameras.demo.stain import Outline, Plane


@dataclass(frozen=True, slots=True)
class Chromatin:
    """Texture of a nucleus.

    Attributes:
        depth: mean amount of stain, 1 = the median of a granulocyte's nucleus.
        clump_px: width of the clumps, pixels.
        clump: contrast of the clumps, relative.
        fleck_px: width of the light gaps (parachromatin), pixels.
        fleck: contrast of the gaps, 0 to 1.
        fleck_level: noise level in standard deviations above which a gap opens; lower means more gaps.
        rim: contrast of the nuclear membrane.
        grain: contrast of the finest grain, relative.
    """

    depth: float = 1.0
    clump_px: float = 6.0
    clump: float = 0.13
    fleck_px: float = 3.2
    fleck: float = 0.5
    fleck_level: float = 1.1
    rim: float = 0.25
    grain: float = 0.11


SEGMENTED = Chromatin(depth=0.98, clump_px=6.5, clump=0.15, fleck=0.62, fleck_level=1.0)
LYMPHOID = Chromatin(depth=0.92, clump_px=8.0, clump=0.15, fleck_px=3.0, fleck=0.45, fleck_level=0.75)
LACY = Chromatin(depth=0.95, clump_px=5.0, clump=0.15, fleck_px=3.0, fleck=0.58, fleck_level=0.5)
MYELOID = Chromatin(depth=0.95, clump_px=5.5, clump=0.15, fleck_px=3.2, fleck=0.58, fleck_level=0.75)
BLOCKY = Chromatin(depth=0.94, clump_px=9.0, clump=0.10, fleck_px=4.6, fleck=0.65, fleck_level=1.2, rim=0.22)
PYKNOTIC = Chromatin(
    depth=0.93, clump_px=10.0, clump=0.07, fleck_px=4.0, fleck=0.55, fleck_level=1.7, rim=0.18, grain=0.07
)


@dataclass(frozen=True, slots=True)
class Nucleus:
    """The shape of a nucleus on a canvas.

    Attributes:
        distance: signed distance of the whole nucleus, pixels, positive inside.
        lobes: signed distance of each lobe; their borders are visible where they overlap.
    """

    distance: Plane
    lobes: tuple[Plane, ...] = ()

    def cover(self, edge_px: float = 1.6) -> Plane:
        """Coverage of the nucleus, 0 to 1."""
        return soft(self.distance, edge_px)


def stained(canvas: Canvas, nucleus: Nucleus, look: Chromatin) -> Plane:
    """The amount of nuclear stain: clumped chromatin, light gaps, and a dark membrane round every lobe."""
    amount = 1 + look.clump * canvas.noise(look.clump_px) + look.grain * canvas.noise(2.2)
    gaps = np.clip(1.4 * (canvas.noise(look.fleck_px) - look.fleck_level), 0, 1)
    amount -= look.fleck * gaps * soft(nucleus.distance - 2.5, 2.0)
    for lobe in nucleus.lobes or (nucleus.distance,):
        amount += look.rim * np.exp(-(((lobe - 1.3) / 1.5) ** 2))
    return np.asarray(look.depth * np.clip(amount, 0.3, 1.4) * nucleus.cover(), np.float32)


def _arc(radius: float, span: float, turn: float, n: int) -> Outline:
    """(n, 2) points on an arc about the origin, `span` and `turn` in radians."""
    angle = turn + np.linspace(-span / 2, span / 2, n)
    return np.asarray(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), np.float32)


def segmented(
    canvas: Canvas, radius_px: float, lobes: int, share: float = 0.42, aside: float = 0.0, closeness: float = 1.85
) -> Nucleus:
    """Lobes along an arc, joined by thin strands.

    Args:
        canvas: where it is drawn.
        radius_px: the cell's radius, pixels.
        lobes: number of lobes.
        share: part of the cell's area that they cover.
        aside: distance of the nucleus from the cell's middle, relative to the cell's radius.
        closeness: distance between neighbouring lobes in lobe radii; below 2 they touch.
    """
    rng = canvas.rng
    size = radius_px * np.sqrt(share / lobes)
    ring = radius_px * rng.uniform(0.42, 0.5)
    gap = 2 * np.arcsin(min(0.95, closeness * size / (2 * ring)))
    spots = _arc(ring, gap * (lobes - 1), rng.uniform(0, 2 * np.pi), lobes)
    spots *= rng.uniform(0.75, 1.12, (lobes, 1)).astype(np.float32)
    spots += rng.normal(0, 0.05 * radius_px, (lobes, 2)).astype(np.float32)
    outward = spots.mean(axis=0)
    spots -= 0.5 * outward
    spots += np.float32(aside * radius_px) * outward / np.float32(np.hypot(*outward) + 1e-6)
    shapes: list[Outline] = []
    tangents = np.gradient(spots, axis=0)
    for spot, tangent in zip(spots, tangents, strict=True):
        turn = float(np.arctan2(tangent[1], tangent[0])) + rng.normal(0, 0.5)
        lobe = wobbly_outline(rng, 2 * size * rng.uniform(0.86, 1.12), 0.07, rng.uniform(1.05, 1.55), 48, turn)
        shapes.append(lobe + spot)
    t = np.linspace(0, 1, 24, dtype=np.float32)[:, None]
    strand = np.concatenate([a + t * (b - a) for a, b in pairwise(spots)])
    thread = canvas.distance_to_discs(strand, np.full(len(strand), rng.uniform(1.4, 3.0), np.float32))
    planes = tuple(canvas.distance(shape) for shape in shapes)
    return Nucleus(np.asarray(np.maximum.reduce([*planes, thread]), np.float32), planes)


def bent(
    canvas: Canvas, radius_px: float, *, ring: float, span_deg: float, thickness: float, uneven: float = 0.12
) -> Nucleus:
    """A band, horseshoe or kidney: a thick bent rod.

    Args:
        canvas: where it is drawn.
        radius_px: the cell's radius, pixels.
        ring: radius of the bend, relative to the cell's.
        span_deg: angle covered by the rod, degrees.
        thickness: half the rod's thickness, relative to the cell's radius.
        uneven: relative change of the thickness along the rod.
    """
    rng = canvas.rng
    spine = _arc(ring * radius_px, np.radians(span_deg), rng.uniform(0, 2 * np.pi), 40)
    spine -= (0.75 * spine.mean(axis=0)).astype(np.float32)
    along = np.linspace(-1, 1, 40)
    swell = 1 + uneven * (along**2 - 0.4) + uneven * 0.8 * np.sin(2.5 * along * np.pi + rng.uniform(0, 6.28))
    radii = (thickness * radius_px * swell).astype(np.float32)
    plane = canvas.distance_to_discs(spine, radii)
    wrinkle = (0.045 * radius_px) * canvas.noise(0.45 * radius_px)
    return Nucleus(np.asarray(plane + wrinkle, np.float32))


def rounded(
    canvas: Canvas, radius_px: float, size: float, *, offset: float = 0.1, wobble: float = 0.03, elongation: float = 1.1
) -> Nucleus:
    """A round or oval nucleus, `size` and `offset` relative to the cell's radius."""
    rng = canvas.rng
    angle = rng.uniform(0, 2 * np.pi)
    shift = offset * radius_px * np.array([np.cos(angle), np.sin(angle)], np.float32)
    outline: Outline = wobbly_outline(rng, 2 * size * radius_px, wobble, elongation) + shift
    return Nucleus(canvas.distance(outline))


def folded(canvas: Canvas, radius_px: float, size: float) -> Nucleus:
    """An irregular nucleus with one or two creases, as in monocytes."""
    rng = canvas.rng
    n = int(rng.integers(2, 4))
    spots = _arc(0.34 * radius_px, np.radians(rng.uniform(90, 200)), rng.uniform(0, 2 * np.pi), n)
    spots -= (0.7 * spots.mean(axis=0)).astype(np.float32)
    diameters = 2 * size * radius_px * rng.uniform(0.8, 1.0, n)
    parts = [
        canvas.distance(wobbly_outline(rng, d, 0.09, rng.uniform(1.0, 1.3)) + s)
        for d, s in zip(diameters, spots, strict=True)
    ]
    wrinkle = 0.03 * radius_px * canvas.noise(0.4 * radius_px)
    return Nucleus(np.asarray(np.maximum.reduce(parts) + wrinkle, np.float32), tuple(parts))
