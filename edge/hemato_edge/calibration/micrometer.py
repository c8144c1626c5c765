"""Width of a stage micrometer's divisions in a picture, with its uncertainty.

The picture is summed along the lines. The autocorrelation of this profile gives an approximate period, and separates
the divisions from the longer lines at every fifth and tenth of them; the phase of each division against that period
gives its position, and a straight line through the positions gives the period with its standard error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.calibration.projection import (
    Profile,
    coordinates,
    flattened,
    line_normals,
    project,
    sharpest_direction,
)
from hemato_edge.calibration.ruling import FIX, MIN_DIVISIONS, TOO_FEW, WEAK, Ruling, fit_ruling
from hemato_edge.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

MIN_PERIOD_PX = 4.0
_MIN_CORRELATION = 0.3
"""Minimum autocorrelation of the profile at one, two and three divisions. Drawn fields of blood reach 0.1."""
_PART_OF_HIGHEST = 0.55
_STRIPS = 16
_LARGEST_SIDE = 2000
"""Larger pictures are reduced: a hundred divisions still have 20 pixels each, and a Pi has enough memory."""


def measure_micrometer(image: Image) -> Ruling:
    """The divisions of the stage micrometer in a picture (H, W, 3) uint8 BGR.

    Raises:
        CalibrationError: no regular scale is visible; the message says what is missing.
    """
    factor = min(1.0, _LARGEST_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else image
    ruling = _in_best_direction(flattened(np.asarray(small, np.uint8)))
    scale = image.shape[1] / small.shape[1]
    return replace(ruling, period_px=ruling.period_px * scale, standard_error_px=ruling.standard_error_px * scale)


def _in_best_direction(flat: NDArray[np.float32]) -> Ruling:
    directions = [sharpest_direction(flat, about) for about in line_normals(flat)]
    # Grids are ruled both ways, and digits have upright strokes, too: the sharper direction first.
    sharpness = [float(np.var(np.diff(project(flat, direction).values))) for direction in directions]
    refusal: CalibrationError | None = None
    for k in np.argsort(sharpness)[::-1].tolist():
        if sharpness[k] < 0.3 * max(sharpness):
            continue
        try:
            return _measure(flat, directions[k])
        except CalibrationError as error:
            refusal = refusal or error
    raise refusal or CalibrationError("No regular scale is visible: the picture is blank.", FIX)


def _measure(flat: NDArray[np.float32], direction_deg: float) -> Ruling:
    rough = rough_period(project(flat, direction_deg))
    inside = _where_lines_are(flat, direction_deg, rough)
    profile = project(flat, direction_deg, inside)
    period = rough_period(profile)
    for _ in range(3):
        period = unwrapped_period(profile.values, period)
    return fit_ruling(flat, inside, direction_deg, period)


def rough_period(profile: Profile) -> float:
    """The shortest lag in pixels at which a profile correlates with itself, and also at two and three times it.

    Raises:
        CalibrationError: there is none.
    """
    values = _detrended(profile.values)
    n = len(values)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(values, size)) ** 2
    correlation = np.fft.irfft(spectrum, size)[:n] / (n - np.arange(n))
    correlation = correlation / max(float(correlation[0]), 1e-12)
    last = int(0.75 * n)
    inner = correlation[1:last]
    peaks = 2 + np.flatnonzero((inner[1:-1] > inner[:-2]) & (inner[1:-1] >= inner[2:]))
    peaks = peaks[(peaks >= MIN_PERIOD_PX) & (correlation[peaks] > _MIN_CORRELATION)]
    if not len(peaks):
        raise CalibrationError("No regular scale is visible: the picture has no lines at equal distances.", FIX)
    highest = float(correlation[peaks].max())
    for peak in peaks.tolist():
        if correlation[peak] < _PART_OF_HIGHEST * highest:
            continue
        lag = _vertex(correlation, peak)
        if lag * MIN_DIVISIONS > n:
            break
        multiples = [_near(correlation, m * lag, 0.15 * lag) for m in (2, 3)]
        if min(multiples) > max(_MIN_CORRELATION, 0.4 * highest):
            return lag
    raise CalibrationError(TOO_FEW, FIX)


def _detrended(values: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.linspace(-1, 1, len(values))
    return np.asarray(values - np.polyval(np.polyfit(x, values, 3), x))


def _vertex(curve: NDArray[np.float64], peak: int) -> float:
    """Sub-sample position of a maximum: the vertex of the parabola through three samples."""
    low, middle, high = curve[peak - 1 : peak + 2]
    bend = low - 2 * middle + high
    return peak + (0.5 * float((low - high) / bend) if bend < 0 else 0.0)


def _near(curve: NDArray[np.float64], place: float, reach: float) -> float:
    """The largest value within `reach` of `place`; -1 beyond the reliable part of the curve."""
    low, high = int(place - reach), int(np.ceil(place + reach)) + 1
    return float(curve[low:high].max()) if high < 0.85 * len(curve) else -1.0


def _where_lines_are(flat: NDArray[np.float32], direction_deg: float, period: float) -> NDArray[np.bool_]:
    """(H, W) bool: the stretch along the lines that shows divisions, without digits and bare glass beside it."""
    across, along = coordinates(flat.shape, direction_deg)
    strip = ((along - along.min()) / (np.ptp(along) + 1e-6) * _STRIPS).astype(np.int64)
    turn = np.exp(-2j * np.pi * across / period)
    wave = np.asarray([(flat[strip == k] * turn[strip == k]).sum() for k in range(_STRIPS)])
    number = np.bincount(strip.ravel(), minlength=_STRIPS)
    strength = np.abs(wave) / np.sqrt(np.maximum(number, 1))
    return np.asarray((strength > 0.35 * strength.max())[strip])


def unwrapped_period(values: NDArray[np.float64], period: float) -> float:
    """A refined period: the straight line through the phases of all divisions of a profile (n,).

    Raises:
        CalibrationError: fewer than `MIN_DIVISIONS` are visible.
    """
    wave = _phases(values, period)
    strength = np.abs(wave)
    strong = strength > WEAK * np.percentile(strength, 90)
    # unwrapped from division to division: over a long scale an approximate period is off by more than one of them
    offset = np.concatenate([[0.0], np.cumsum(np.angle(wave[1:] * np.conj(wave[:-1])))]) / (2 * np.pi)
    index = np.arange(len(wave))
    keep = strong
    for _ in range(6):
        if np.count_nonzero(keep) < MIN_DIVISIONS - 1:  # the outermost lack a whole window
            raise CalibrationError(TOO_FEW, FIX)
        slope, start = np.polyfit(index[keep], offset[keep], 1)
        off = offset - slope * index - start
        off -= np.rint(off)  # a wrong step over a gap shifts the rest by whole divisions
        offset = slope * index + start + off
        scatter = 1.4826 * float(np.median(np.abs(off[keep])))
        keep = strong & (np.abs(off) <= max(3.5 * scatter, 0.002))
    return period / (1 + float(slope))


def _phases(values: NDArray[np.float64], period: float) -> NDArray[np.complex128]:
    """The fundamental at the middle of every division, in a Hann window two periods wide."""
    n = len(values)
    centres = np.arange(period, n - 1 - period, period)
    reach = int(np.ceil(period))
    samples = np.rint(centres).astype(np.int64)[:, None] + np.arange(-reach - 1, reach + 2)[None]
    samples = np.clip(samples, 0, n - 1)
    distance = samples - centres[:, None]
    window = np.where(np.abs(distance) < period, 0.5 + 0.5 * np.cos(np.pi * distance / period), 0.0)
    around = values[samples]
    around = around - (around * window).sum(1, keepdims=True) / window.sum(1, keepdims=True)
    return np.asarray((around * window * np.exp(-2j * np.pi * distance / period)).sum(1), np.complex128)
