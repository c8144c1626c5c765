"""Whether a frame is fit to be counted: light, coverage and focus, each with a name for the record.

Focus is ΣLaplacian² / Σ|gradient|² over the strong edges of the green channel. For an edge with a Gaussian profile it
is 1 / (2 s²), s being the profile's standard deviation in pixels, whatever the contrast; unlike the variance of the
Laplacian it does not rise with the number of cells. The picture is first brought to a fixed number of pixels for a
red cell, so that it does not depend on the camera's resolution either; and only strong edges count, so that neither
noise nor an almost empty field disturbs it.

A cell also refracts light: out of focus its outline gets bright and dark fringes, which are sharp edges themselves, and
with a narrow condenser the measure may be highest beside the focus. Fringes are alike in all colours, while a stain
absorbs green more than red: so the same is measured in the logarithm of the ratio of green to red, and the lesser value
is the frame's. A picture without colours has only the first (`benchmarks/focus.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.values import Quality
from hemato_edge.vision.colours import colour_fault
from hemato_edge.vision.locate.separation import fill_holes
from hemato_edge.vision.optics.resizing import every
from hemato_edge.vision.optics.stain import REFERENCE_NUCLEUS_OD, level_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.optics.stain import StainCalibration

OUT_OF_FOCUS = "out_of_focus"
TOO_DARK = "too_dark"
SATURATED = "saturated"
EMPTY = "empty"
TOO_DENSE = "too_dense"
STAIN_FAR = "stain_far"
MOVING = "moving"

FOCUS_RED_PX = 40.0
"""Focus is measured at this red-cell diameter: the edge of a sharp cell is then about one pixel wide."""
CLIPPED = 254
"""A green value from here on is saturated."""
_SMOOTHING = cv2.getGaussianKernel(9, 1.0, cv2.CV_32F)
_RIM_PX = 11
_SAMPLED_SIDE = 120
_STRONG_EDGE = 0.15
_ENOUGH_EDGES = 8192
_LEAST_DIRECTION = 0.08
_RATIO_SIDE = 256
RATIO_EVERY = 8
RATIO_HOLDS = 0.1
"""Focus by the colours is measured in one of so many frames of a camera, and in each whose green measure differs from
that one's by more than this share: in every frame it takes a quarter of a still one."""
_LEVELS_A_UNIT = 255 / np.log(263 / 8)
_LOGARITHM = np.rint(_LEVELS_A_UNIT * np.log((np.arange(256) + 8) / 8)).astype(np.uint8)
_LEAST_COLOUR = 0.08
"""Spread of log green over red, below which a picture has no colours to focus by: the palest slides (uganda_phone) have
0.12, a grey camera with noise of two levels 0.05."""
_HALF_EIGHTH = np.float32(np.tan(np.pi / 8))
_NEXT_TO = np.ones((3, 3), np.uint8)
_DENSEST = 0.5
_SURROUNDINGS_PX = 31
_DETAIL = 0.04
_LEAST_DETAIL = 0.01
_NO_RED_CELL_SHARE = 0.2
_LARGEST_SHARE = 0.3
_SMALLEST_PEAK = 2.5
_HALF_WIDTH_SHARE = 0.76


@dataclass(slots=True)
class FocusMemory:
    """What the colours said of a camera's focus, and the green measure of that frame.

    Attributes:
        green: the measure of the green channel; 0 before the first frame.
        ratio: the frame's focus over that, at most 1.
        frames: that have used it since.
    """

    green: float = 0.0
    ratio: float = 1.0
    frames: int = 0

    def holds(self, green: float) -> bool:
        """Whether a frame with this measure of its green channel can use the ratio; it is then counted."""
        self.frames += 1
        return self.frames < RATIO_EVERY and abs(green - self.green) <= RATIO_HOLDS * self.green

    def note(self, green: float, by_colours: float) -> None:
        """Remember a frame in which both were measured; `green` is greater than 0."""
        self.green, self.ratio, self.frames = green, min(1.0, by_colours / green), 0


@dataclass(frozen=True, slots=True)
class QualityGate:
    """Judges frames, each for itself.

    Attributes:
        min_focus: least focus (see the module), by green and by colours, whichever is less. Measured on each second
            training field: as they are, 99 of 100 of bccd, raabin_fields and pbc_boxes have 0.19, 0.12 and 0.29 or
            more; blurred by 0.08 red-cell diameters (0.6 µm), with noise of two levels, 95 of 100 have 0.12, 0.09 and
            0.08 or less.
        min_brightness: least mean brightness, share of white.
        max_saturated_share: largest share of pixels whose green is clipped: pale cytoplasm is lost in them.
        min_covered_share: least share of the field that cells cover; under it, nothing is there to count.
        max_covered_share: largest share of the field that cells cover; over it, cells lie upon each other and the
            place is no monolayer.
        max_stain_ratio: how many times paler or denser than the reference the slide's nuclei may be, in green or red,
            and how uneven the colour of its glass. Measured: the palest training slides (bccd) have 3.3 in green
            and 3.4 in red at their median, the others between 0.75 and 2.2.
        min_focus_evenness: least sharpness of the most blurred direction over that of the sharpest one; below it, a
            frame that is not quite sharp is smeared by motion.
        check_colours: whether negatives, and pictures with exchanged channels, are told; see `vision.colours`.
    """

    min_focus: float = 0.12
    min_brightness: float = 0.2
    max_saturated_share: float = 0.3
    min_covered_share: float = 0.01
    max_covered_share: float = 0.8
    max_stain_ratio: float = 5.0
    min_focus_evenness: float = 0.35
    check_colours: bool = True

    def assess(
        self, view: FieldView, *, colours: bool = True, least_focus: float = 0.0, memory: FocusMemory | None = None
    ) -> Quality:
        """Measures and, for a frame that is not fit, the first reason of: light, coverage, focus.

        A frame that is smeared by motion is told from one that is out of focus by the direction of its blur. Where the
        size of a red cell is not known, it is guessed from the frame. What is no slide is left out of every measure.
        Without `colours` they are not asked about: those of a camera's last frames were right. `least_focus` is that of
        the session, see `slide_appearance.FocusLevel`; the greater of it and `min_focus` holds. `memory` is of the
        camera's frames before; None for a picture by itself.
        """
        small = view.green_at(view.thumbnail_factor)
        slide = view.aperture.slide_at((small.shape[1], small.shape[0]))
        covered = _covered(small)
        red = view.red_cell_px or _guess(covered, view.shape[1] / small.shape[1])
        hidden = view.aperture.hidden
        step = max(1, min(view.shape[:2]) // _SAMPLED_SIDE)
        light = every(view.window, step)
        if hidden is not None:
            light = light[~hidden[::step, ::step]][None]
        measures = {
            "brightness": float(np.mean(cv2.mean(light)[:3])) / 255,
            "saturated_share": float(level_counts(light, channel=1)[CLIPPED:].sum()) / max(1, light.size // 3),
            "covered_share": _share(covered if slide is None else covered[slide]),
        }
        factor = min(1.0, FOCUS_RED_PX / red)
        if memory is None and view.red_cell_px is not None:
            view.at(factor)  # all channels at once, as the locator will want them
        sharp = view.green_at(factor)
        slide = view.aperture.slide_at((sharp.shape[1], sharp.shape[0]))
        edges = _edges_of(sharp, slide)
        measures["focus"], measures["focus_evenness"] = edges.sharpness, edges.evenness
        if measures["focus"] >= self.min_focus:
            memory = memory or FocusMemory()
            if not memory.holds(measures["focus"]):
                memory.note(measures["focus"], _colour_sharpness(sharp, view.channel_at(factor, 2), slide))
            measures["focus"] *= memory.ratio
        reason = self._light(measures)
        if reason is None and colours and self.check_colours:
            reason = colour_fault(view)
        return Quality(reason or self._cells(measures, least_focus), measures)

    def tells_focus(self, quality: Quality) -> bool:
        """Whether a frame shows how sharp a session's frames are: fit, but for a limit that came from the others."""
        return quality.reject in (None, OUT_OF_FOCUS) and self.blur(quality.measures) is None

    def judge_stain(self, stain: StainCalibration) -> str | None:
        """`STAIN_FAR` if a slide's stain cannot be brought to the reference, else None.

        Args:
            stain: what the session has measured so far; the reference stain itself before the first nucleus.
        """
        ratio = np.asarray(REFERENCE_NUCLEUS_OD)[1:] / np.maximum(stain.nucleus_od[1:], 1e-3)
        tint = max(stain.background) / max(min(stain.background), 1.0)
        far = max(float(ratio.max()), float(1 / ratio.min()), tint)
        return STAIN_FAR if far > self.max_stain_ratio else None

    def _light(self, measures: dict[str, float]) -> str | None:
        return _first(
            (TOO_DARK, measures["brightness"] < self.min_brightness),
            (SATURATED, measures["saturated_share"] > self.max_saturated_share),
        )

    def _cells(self, measures: dict[str, float], least_focus: float) -> str | None:
        return _first(
            (EMPTY, measures["covered_share"] < self.min_covered_share),
            (TOO_DENSE, measures["covered_share"] > self.max_covered_share),
        ) or self.blur(measures, least_focus)

    def blur(self, measures: Mapping[str, float], least_focus: float = 0.0) -> str | None:
        """`MOVING`, `OUT_OF_FOCUS` or None, by the measures of a frame that may be unfit for another reason as well."""
        focus, least = measures["focus"], max(self.min_focus, least_focus)
        return _first(
            (MOVING, measures["focus_evenness"] < self.min_focus_evenness and focus < max(2 * self.min_focus, least)),
            (OUT_OF_FOCUS, focus < least),
        )


def _share(mask: NDArray[np.bool_]) -> float:
    """Share of a mask (…) that is set, 0 to 1."""
    return int(np.count_nonzero(mask)) / max(1, mask.size)


def _first(*checks: tuple[str, bool]) -> str | None:
    """The name of the first check that failed."""
    return next((name for name, failed in checks if failed), None)


def _colour_sharpness(green: NDArray[np.uint8], red: NDArray[np.uint8], slide: NDArray[np.bool_] | None) -> float:
    """Sharpness of the ratio of green to red in the middle of a picture; infinite where it has no colours."""
    height, width = green.shape
    y, x = max(0, height - _RATIO_SIDE) // 2, max(0, width - _RATIO_SIDE) // 2
    middle = np.s_[y : height - y, x : width - x]
    minuend, subtrahend = (cv2.LUT(np.ascontiguousarray(channel[middle]), _LOGARITHM) for channel in (green, red))
    ratio = np.asarray(cv2.subtract(minuend, subtrahend, dtype=cv2.CV_16S), np.int16)
    low, high = _ranked(ratio[::4, ::4], 0.01, 0.9)
    if high - low < _LEAST_COLOUR * _LEVELS_A_UNIT:
        return float("inf")
    return _edges_of(ratio, None if slide is None else slide[middle]).sharpness


@dataclass(frozen=True, slots=True)
class _Edges:
    """The strong edges of a picture: where they run, and how they are bent.

    Attributes:
        x, y: (n,) float32, slope at each of their pixels.
        steep: (n,) float32, its square.
        bent: (n,) float32, the square of the Laplacian.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    steep: NDArray[np.float32]
    bent: NDArray[np.float32]

    @property
    def sharpness(self) -> float:
        """ΣLaplacian² / Σ|gradient|²; 0 without edges."""
        total = float(self.steep.sum())
        return float(self.bent.sum()) / total if total > 0 else 0.0

    @property
    def evenness(self) -> float:
        """Sharpness of the most blurred direction over the sharpest one's, 0 to 1; 1 without edges.

        Cells are round, so they have edges in all directions. Defocus blurs them alike; motion those across its path.
        """
        direction = _direction(self.x, self.y)
        below = np.bincount(direction, self.steep, 4)
        by_direction = np.bincount(direction, self.bent, 4) / np.maximum(below, 1e-9)
        known = by_direction[below > _LEAST_DIRECTION * float(self.steep.sum())]
        return float(known.min() / known.max()) if len(known) > 1 and known.max() > 0 else 1.0


def _edges_of(picture: NDArray[np.uint8] | NDArray[np.int16], slide: NDArray[np.bool_] | None = None) -> _Edges:
    """The strong edges of what is slide in a picture (h, w)."""
    smooth = cv2.sepFilter2D(picture, cv2.CV_32F, _SMOOTHING, _SMOOTHING)
    slope_x = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), np.float32)
    slope_y = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32)
    steep = slope_x * slope_x
    cv2.accumulateSquare(slope_y, steep)
    if slide is not None:  # the rim is an edge, and a sharp one
        steep[cv2.erode(slide.astype(np.uint8), np.ones((_RIM_PX, _RIM_PX), np.uint8)) == 0] = 0
    (steepest,) = _ranked(steep[::4, ::4], 0.99)
    strong = (steep > np.float32(_STRONG_EDGE * steepest)).view(np.uint8)
    wide = np.flatnonzero(np.asarray(cv2.dilate(strong, _NEXT_TO)).view(np.bool_))
    wide = wide[:: 1 + len(wide) // _ENOUGH_EDGES]
    x, y, steepness = slope_x.take(wide), slope_y.take(wide), steep.take(wide)
    del slope_x, slope_y, steep  # of a picture of many megapixels these are large
    return _Edges(x, y, steepness, np.square(np.asarray(cv2.Laplacian(smooth, cv2.CV_32F), np.float32).take(wide)))


def _direction(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.intp]:
    """(n,) intp: of four directions the nearest of each slope: 0 along x, 2 along y, 1 and 3 along the diagonals.

    Edges that face east and west are one direction, and so on.
    """
    flat, steep = np.abs(x), np.abs(y)
    diagonal = 2 - np.sign(x * y).astype(np.intp)
    along_x, along_y = steep <= _HALF_EIGHTH * flat, flat < _HALF_EIGHTH * steep
    return np.where(along_x, 0, np.where(along_y, 2, diagonal))


def _ranked(values: NDArray[Any], *shares: float) -> list[float]:
    """The values below which these shares of all values lie, ascending; `numpy.percentile` without interpolation."""
    flat = values.ravel()
    ranks = [int(share * (flat.size - 1)) for share in shares]
    return [float(one) for one in np.partition(flat, ranks)[ranks]]


def _covered(green: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(h, w) bool: where cells are, by Otsu's threshold of the green density, holes filled.

    Nowhere, if hardly anything differs from its surroundings: then it is the light that is uneven.
    """
    levels = np.cumsum(cv2.calcHist([green], [0], None, [256], [0, 256]))
    background = float(np.searchsorted(levels, 0.99 * levels[-1]))
    table = np.clip(-np.log((np.arange(256) + 8.0) / (background + 8.0)), 0, _DENSEST)
    density = cv2.LUT(green, np.rint(table * (255 / _DENSEST)).astype(np.uint8))
    detail = cv2.absdiff(density, cv2.blur(density, (_SURROUNDINGS_PX, _SURROUNDINGS_PX)))
    if _share(np.asarray(detail) > 255 * _DETAIL / _DENSEST) < _LEAST_DETAIL:
        return np.zeros(green.shape, np.bool_)
    _, dense = cv2.threshold(density, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return fill_holes(dense > 0, 0.25 * min(green.shape))


def _guess(covered: NDArray[np.bool_], shrunk_by: float) -> float:
    """Red-cell diameter in pixels of the frame, from its covered thumbnail.

    Twice the maxima of the distance to the background, each weighted by its square; too low by a quarter in the
    training fields, since overlapping cells are told apart by it and pallor is not always closed.
    """
    side = min(covered.shape)
    depth = np.minimum(cv2.distanceTransform(covered.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), side)
    peak = (depth >= cv2.dilate(depth, np.ones((5, 5), np.uint8))) & (depth > _SMALLEST_PEAK)
    widths = np.sort(2 * depth[peak])
    if len(widths) < 3:
        return shrunk_by * _NO_RED_CELL_SHARE * side
    weight = np.cumsum(widths.astype(float) ** 2)
    typical = float(widths[np.searchsorted(weight, weight[-1] / 2)]) / _HALF_WIDTH_SHARE
    return shrunk_by * min(typical, _LARGEST_SHARE * side)
