"""Displacement between two views of the slide: phase correlation, verified by the correlation of their overlap.

Frames are reduced to a small grey picture with uneven illumination removed. Its spectrum is computed once, so that
comparing a frame with several key fields is cheap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.counting.mapping.registration_input import RegistrationInput

Gray = TypeVar("Gray", np.uint8, np.float32)

WORKING_WIDTH_PX = 320
"""Frames are shrunk to about this width: a shift of one pixel here is well under a red cell's radius."""
UNEVEN_LIGHT_PX = 81
"""Window of the local mean, pixels at working width. Light that varies more slowly is illumination, not cells."""
MIN_OVERLAP = 0.22
"""Minimum overlap of two views, as a share of the picture: smaller overlaps agree too often by chance."""
PEAKS = 3
"""Correlation peaks that are tried: among red cells of one size the highest is not always the right one."""
MIN_CONTRAST = 0.012
"""Minimum standard deviation of the overlap: less is noise, or dust on the sensor, which does not move with the
stage."""
_TAPER = 0.25
_BLIND_PX = 2
_CLEAR = 0.8
_GLANCE_STEP = 4
_AT_A_GLANCE = 0.35
"""Minimum correlation of every fourth pixel in every fourth row; below it the full overlap cannot reach
`MIN_CONFIDENCE` of registration and is skipped. A thousand pixels measure it to within about 0.05."""


@dataclass(frozen=True, slots=True)
class View:
    """One frame as registration sees it.

    Attributes:
        grey: (h, w) float32 at working width, contrast against the surroundings.
        spectrum: (h, w // 2 + 1) complex64, see `spectrum_of`.
        scale: pixels of the frame for one of `grey`.
        turned_deg: angle by which the frame was rotated back to make `grey`, degrees, from x towards y.
        slide: (h, w) bool, where `grey` shows slide; elsewhere it is 0. None: everywhere.
    """

    grey: NDArray[np.float32]
    spectrum: NDArray[np.complex64]
    scale: float
    turned_deg: float = 0.0
    slide: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """Displacement of a view over the slide relative to another.

    Attributes:
        x, y: pixels of `View.grey`.
        agreement: correlation coefficient of the part that both show, -1 to 1; 0 for too little overlap.
        overlap: share of the view's slide that both show.
    """

    x: float
    y: float
    agreement: float
    overlap: float


def view_of(sight: RegistrationInput, turned_deg: float = 0.0) -> View:
    """The green channel of a field, where all cells absorb, reduced and flattened; 0 where there is no slide.

    A frame rotated by `turned_deg` on the slide is rotated back about its middle.

    Structures wider than a few cells are removed: uneven illumination does not move with the stage and would bias the
    correlation towards zero shift.
    """
    width = sight.size[0]
    shrunk = sight.green_at(min(1.0, WORKING_WIDTH_PX / width))
    size = shrunk.shape[1], shrunk.shape[0]
    small = turned_back(shrunk, turned_deg, cv2.BORDER_REFLECT)
    slide = sight.aperture.slide_at(size)
    if slide is not None and turned_deg:
        slide = turned_back(slide.astype(np.uint8), turned_deg) > 0
    grey = _evenly_lit(small, slide)
    return View(grey, spectrum_of(grey), width / size[0], turned_deg, slide)


def _evenly_lit(small: NDArray[np.uint8], slide: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Contrast of a grey picture (h, w) against the slide around each pixel; 0 off the slide."""
    reach = (UNEVEN_LIGHT_PX, UNEVEN_LIGHT_PX)
    if slide is None:
        around = np.asarray(cv2.boxFilter(small, cv2.CV_32F, reach, borderType=cv2.BORDER_REFLECT), np.float32)
        around += 1
        grey = np.divide(small, around, dtype=np.float32)
        grey -= 1
        return grey
    weight = slide.astype(np.float32)
    share = cv2.blur(weight, reach, borderType=cv2.BORDER_REFLECT)
    around = cv2.blur(small * weight, reach, borderType=cv2.BORDER_REFLECT) / np.maximum(share, 1e-3)
    return np.asarray((small / (around + 1) - 1) * weight, np.float32)


def turned_back(picture: NDArray[Gray], degrees: float, border: int = cv2.BORDER_CONSTANT) -> NDArray[Gray]:
    """A picture (h, w) of a frame rotated by `degrees` on the slide, rotated back; same size and dtype."""
    if not degrees:
        return picture
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    back = cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(back, picture.dtype)


def spectrum_of(grey: NDArray[np.float32]) -> NDArray[np.complex64]:
    """(h, w // 2 + 1) complex64: whitened, low-pass filtered spectrum of a tapered picture (h, w).

    One times the conjugate of another is the spectrum of their phase correlation, blurred by a Gaussian of 1 px.
    """
    tapered = grey * taper(grey.shape[0], grey.shape[1])
    full = cv2.dft(tapered, flags=cv2.DFT_COMPLEX_OUTPUT)
    half: NDArray[np.complex64] = np.ascontiguousarray(full[:, : grey.shape[1] // 2 + 1]).view(np.complex64)[..., 0]
    return half * (damping(grey.shape[0], grey.shape[1]) / (np.abs(half) + np.float32(1e-9)))


@lru_cache(maxsize=8)
def damping(height: int, width: int) -> NDArray[np.float32]:
    """(height, width // 2 + 1) float32: square root of the spectrum of a Gaussian with a standard deviation of 1 px."""
    across, down = np.fft.rfftfreq(width), np.fft.fftfreq(height)
    damped: NDArray[np.float32] = np.exp(-(np.pi**2) * (down[:, None] ** 2 + across**2)).astype(np.float32)
    return damped


@lru_cache(maxsize=8)
def taper(height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32: 1 in the middle, falling to 0 at the border."""
    sides = []
    for length in (height, width):
        ramp = np.clip((0.5 + np.arange(length)) / (_TAPER * length), 0, 1)
        sides.append(np.sin(np.minimum(ramp, ramp[::-1]) * np.pi / 2) ** 2)
    window: NDArray[np.float32] = np.outer(*sides).astype(np.float32)
    return window


def shift_between(reference: View, view: View) -> Shift:
    """Displacement of `view` over the slide relative to `reference`; both of one size."""
    surface = correlation_surface(reference.spectrum, np.conj(view.spectrum), view.grey.shape)
    best = Shift(0.0, 0.0, 0.0, 0.0)
    for x, y in _peaks(surface):
        for dx, dy in _unwrapped(x, y, surface.shape):
            agreement, overlap = agreement_at(reference, view, dx, dy)
            if agreement > best.agreement:
                best = Shift(dx, dy, agreement, overlap)
        if best.agreement > _CLEAR:
            break
    return best


def correlation_surface(
    reference: NDArray[np.complex64], conjugate: NDArray[np.complex64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """(h, w) float32: phase correlation, cyclic; its peak is the view's displacement relative to `reference`.

    Args:
        reference: from `spectrum_of`.
        conjugate: the view's spectrum, conjugated.
        shape: (h, w) of both pictures.
    """
    full = np.zeros((shape[0], shape[1]), np.complex64)
    np.multiply(reference, conjugate, out=full[:, : reference.shape[1]])
    parts = full.view(np.float32).reshape(*full.shape, 2)
    return np.asarray(cv2.dft(parts, flags=cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT), np.float32)


def likely_shifts(surface: NDArray[np.float32]) -> list[tuple[float, float]]:
    """The shifts (x, y) that the highest peaks of a cyclic correlation surface can stand for."""
    return [shift for x, y in _peaks(surface) for shift in _unwrapped(x, y, surface.shape)]


def _peaks(surface: NDArray[np.float32]) -> Iterator[tuple[float, float]]:
    """The highest peaks, x and y with sub-pixel fractions; each is looked for when it is asked for."""
    surface = surface.copy()
    height, width = surface.shape
    for _ in range(PEAKS):
        _, _, _, (x, y) = cv2.minMaxLoc(surface)
        around = [surface[(y + j) % height, (x + i) % width] for i, j in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))]
        yield x + _vertex(around[1], around[0], around[2]), y + _vertex(around[3], around[0], around[4])
        surface[max(y - _BLIND_PX, 0) : y + _BLIND_PX + 1, max(x - _BLIND_PX, 0) : x + _BLIND_PX + 1] = -1


def _vertex(before: float, here: float, after: float) -> float:
    """Offset of the vertex of a parabola through three neighbours, -0.5 to 0.5."""
    bend = float(before - 2 * here + after)
    return min(0.5, max(-0.5, float(before - after) / (2 * bend))) if bend < 0 else 0.0


def _unwrapped(x: float, y: float, shape: tuple[int, ...]) -> list[tuple[float, float]]:
    """The shifts that a cyclic one can stand for, except those with too little overlap."""
    height, width = shape[:2]
    return [
        (dx, dy)
        for dx in (x, x - width)
        for dy in (y, y - height)
        if (1 - abs(dx) / width) * (1 - abs(dy) / height) >= MIN_OVERLAP
    ]


def agreement_at(reference: View, view: View, dx: float, dy: float, *, at_a_glance: bool = True) -> tuple[float, float]:
    """Correlation coefficient of the overlap when the view moved by (dx, dy) pixels, and the overlap's share.

    With `at_a_glance`, a low coefficient is computed from every fourth pixel only.
    """
    height, width = reference.grey.shape
    x, y = round(dx), round(dy)
    overlap = max(0.0, 1 - abs(x) / width) * max(0.0, 1 - abs(y) / height)
    if overlap < MIN_OVERLAP:
        return 0.0, overlap
    there = slice(max(y, 0), height + min(y, 0)), slice(max(x, 0), width + min(x, 0))
    here = slice(max(-y, 0), height + min(-y, 0)), slice(max(-x, 0), width + min(-x, 0))
    a, b = reference.grey[there], view.grey[here]
    if reference.slide is not None or view.slide is not None:
        both, overlap = shared_slide(reference, there, view, here)
        if overlap < MIN_OVERLAP:
            return 0.0, overlap
        a, b = a[both], b[both]
    if at_a_glance and a.ndim == 2:
        glance = agreement_of(a[::_GLANCE_STEP, ::_GLANCE_STEP], b[::_GLANCE_STEP, ::_GLANCE_STEP])
        if glance is not None and glance < _AT_A_GLANCE:
            return glance, overlap
    agreement = agreement_of(a, b)
    return 0.0 if agreement is None else agreement, overlap


def shared_slide(
    reference: View, there: tuple[slice, slice], view: View, here: tuple[slice, slice]
) -> tuple[NDArray[np.bool_], float]:
    """(h, w) bool: where parts of two views both show slide; and its share of the view's slide."""
    whole = np.ones(view.grey.shape, np.bool_)
    mine = whole if view.slide is None else view.slide
    both = (whole if reference.slide is None else reference.slide)[there] & mine[here]
    return both, float(np.count_nonzero(both)) / max(1, int(np.count_nonzero(mine)))


def agreement_of(a: NDArray[np.float32], b: NDArray[np.float32]) -> float | None:
    """Correlation coefficient of two pictures (h, w) of one size; None where one has too little contrast."""
    # both are contrasts around 0, so moments about 0 are exact enough to derive those about the means
    a, b = np.ravel(a), np.ravel(b)
    count = max(1, len(a))
    mean_a, mean_b = float(a.sum()) / count, float(b.sum()) / count
    powers = float(a @ a) / count - mean_a**2, float(b @ b) / count - mean_b**2
    if min(powers) < MIN_CONTRAST**2:
        return None
    return (float(a @ b) / count - mean_a * mean_b) / math.sqrt(powers[0] * powers[1])
