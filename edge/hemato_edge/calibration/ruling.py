"""Straight-line fit through the positions of a ruler's divisions, with the uncertainty of their spacing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.calibration.projection import coordinates
from hemato_edge.calibration.statistics import student_t95
from hemato_edge.errors import CalibrationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_DIVISIONS = 4
"""Fewer lines could be chance: scratches, the border of a cover slip."""
_MAX_SCATTER = 0.07
"""Largest RMS deviation of a division, in divisions: drawn rulers stay within 0.05, however dirty."""
_MAX_UNCERTAINTY = 0.03
"""A wider 95 % interval is refused as calibration: it excludes chance alignments in pictures of blood."""
_BANDS = 12
"""Bands along the lines, in each of which every division has its own position: this reveals a small tilt."""
WEAK = 0.3
"""A division is not visible if its wave is weaker than this share of the strong ones."""
TOO_FEW = f"No regular scale is visible: fewer than {MIN_DIVISIONS} lines at equal distances."
FIX = (
    "Focus on the lines, fill the picture with them (at least ten), and wipe the slide; the lines may lie at any angle."
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The divisions found in one picture.

    Attributes:
        period_px: distance between divisions, perpendicular to the lines.
        standard_error_px: of the period, from the scatter of the divisions.
        degrees_of_freedom: of that standard error.
        divisions: number measured.
        direction_deg: of the lines' normal, degrees: 0 for upright lines, from x towards y.
        scatter: RMS deviation of a division, in divisions.
    """

    period_px: float
    standard_error_px: float
    degrees_of_freedom: int
    divisions: int
    direction_deg: float
    scatter: float

    @property
    def uncertainty_px(self) -> float:
        """Half width of the period's 95 % interval, pixels (Student's t)."""
        return student_t95(self.degrees_of_freedom) * self.standard_error_px


@dataclass(frozen=True, slots=True)
class _Waves:
    """The fundamental of every division in every band.

    Attributes:
        wave: (N,) complex128, of the N strong enough ones.
        division: (N,) number of the division.
        along: (N,) position of the band along the lines, pixels.
    """

    wave: NDArray[np.complex128]
    division: NDArray[np.int64]
    along: NDArray[np.float64]


def fit_ruling(flat: NDArray[np.float32], inside: NDArray[np.bool_], direction_deg: float, period: float) -> Ruling:
    """Period and tilt with their uncertainty, from the positions of all divisions in all bands.

    Args:
        flat: (H, W) float32, the flattened picture.
        inside: (H, W) bool, where lines are.
        direction_deg: of the lines' normal, within a tenth of a degree.
        period: within a few thousandths, pixels.

    Raises:
        CalibrationError: the lines are too few, or not equidistant.
    """
    for _ in range(2):
        waves = _waves(flat, inside, direction_deg, period)
        offset = np.angle(waves.wave * np.conj(_mean_phase(waves.wave))) / (2 * np.pi)
        keep = np.ones(len(offset), np.bool_)
        for _ in range(4):
            design = np.stack([np.ones(len(offset)), waves.division, waves.along], axis=1)
            weight = np.abs(waves.wave) * keep
            fit = np.linalg.lstsq(design * weight[:, None], offset * weight, rcond=None)[0]
            off = offset - design @ fit
            keep = np.abs(off) <= max(3.5 * 1.4826 * float(np.median(np.abs(off[keep]))), 0.002)
        _check(waves, keep)
        across, tilt = (1 + fit[1]) / period, fit[2]
        direction_deg += float(np.degrees(np.arctan2(tilt, across)))
        period = float(1 / np.hypot(across, tilt))
    return _ruling(waves, keep, off, direction_deg, period)


def _waves(flat: NDArray[np.float32], inside: NDArray[np.bool_], direction_deg: float, period: float) -> _Waves:
    across, along = (axis[inside] for axis in coordinates(flat.shape, direction_deg))
    values = flat[inside].astype(np.float64)
    turn = np.exp(-2j * np.pi * across / period)
    # a line must not fall on the boundary of two divisions: thin dark lines are where the wave is lowest
    mean = values.mean()
    line = np.angle(((values - mean) * turn).sum() * np.sign(np.mean((values - mean) ** 3) or 1.0)) / (2 * np.pi)
    division = np.rint(across / period + line).astype(np.int64)
    division -= division.min()
    low, high = along.min(), along.max() + 1e-6
    band = ((along - low) / (high - low) * _BANDS).astype(np.int64)
    cell = division * _BANDS + band
    size = (int(division.max()) + 1) * _BANDS
    number = np.bincount(cell, minlength=size)
    # a division cut by the border has its middle, and so its phase, elsewhere
    shift = np.bincount(cell, across / period + line - np.rint(across / period + line), size) / np.maximum(number, 1)
    full = (number >= 0.5 * np.percentile(number[number > 0], 75)) & (np.abs(shift) < max(0.02, 0.5 / period))
    level = np.bincount(cell, values, size) / np.maximum(number, 1)
    rest = (values - level[cell]) * turn
    wave = (np.bincount(cell, rest.real, size) + 1j * np.bincount(cell, rest.imag, size)) / np.maximum(number, 1)
    place = np.bincount(cell, along, size) / np.maximum(number, 1)
    strong = full & (np.abs(wave) > WEAK * np.percentile(np.abs(wave[full]), 90))
    index = np.flatnonzero(strong)
    if len(index) < MIN_DIVISIONS:
        raise CalibrationError(TOO_FEW, FIX)
    return _Waves(wave[index], index // _BANDS, place[index] - float(place[index].mean()))


def _mean_phase(wave: NDArray[np.complex128]) -> complex:
    total = complex(wave.sum())
    return total / (abs(total) or 1.0)


def _check(waves: _Waves, keep: NDArray[np.bool_]) -> None:
    seen = np.unique(waves.division[keep])
    if len(seen) < MIN_DIVISIONS:
        raise CalibrationError(TOO_FEW, FIX)
    if len(seen) < 0.5 * (seen[-1] - seen[0] + 1) or np.count_nonzero(keep) < 0.5 * len(keep):
        raise CalibrationError("No regular scale is visible: the lines are not at equal distances.", FIX)


def _ruling(
    waves: _Waves, keep: NDArray[np.bool_], off: NDArray[np.float64], direction_deg: float, period: float
) -> Ruling:
    """The standard error is based on whole divisions: a displaced line is displaced in all bands."""
    weight = np.abs(waves.wave) * keep
    total = np.bincount(waves.division, weight)
    seen = np.flatnonzero(total)
    rest = (np.bincount(waves.division, off * weight)[seen]) / total[seen]
    freedom = len(seen) - 3
    scatter = float(np.sqrt(rest @ rest / max(freedom, 1)))
    if scatter > _MAX_SCATTER:
        raise CalibrationError(
            f"No regular scale is visible: the lines lie {100 * scatter:.0f} % of a division off their places.", FIX
        )
    spread = float(np.sum((seen - seen.mean()) ** 2))
    shared = float(np.corrcoef(waves.division[keep], waves.along[keep])[0, 1]) if np.ptp(waves.along[keep]) else 0.0
    ruling = Ruling(
        period_px=period,
        standard_error_px=period * scatter / float(np.sqrt(spread * max(1 - shared**2, 0.05))),
        degrees_of_freedom=max(freedom, 1),
        divisions=len(seen),
        direction_deg=(direction_deg + 90) % 180 - 90,
        scatter=scatter,
    )
    if ruling.uncertainty_px > _MAX_UNCERTAINTY * period:
        raise CalibrationError(
            f"The scale is too uncertain: {len(seen)} lines, {100 * scatter:.1f} % of a division off their places, "
            f"give the division to ±{100 * ruling.uncertainty_px / period:.0f} %.",
            FIX,
        )
    return ruling
