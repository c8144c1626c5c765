"""Micrometres per pixel, with its uncertainty, from a stage micrometer or from the red cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.calibration.statistics import student_t95
from hemato_edge.errors import CalibrationError
from hemato_edge.vision.scale import RED_CELL_UM, red_cell_sizes_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.calibration.ruling import Ruling
    from hemato_edge.values import Detections

MICROMETER, TWO_POINTS, RED_CELLS = "stage micrometer", "two points", "red cells"
"""Methods of measuring a scale."""
MAKER_SHARE = 0.002
"""Error of a stage micrometer itself, 95 %: 2 µm over 1 mm is assumed for one without a certificate."""
PICTURE_SHARE = 0.001
"""Error beyond the lines' own scatter (dirt, oblique light, pixel grid), 95 %: drawn micrometers with any blur, dirt
and light are off by 0.05 % in 19 of 20 cases, and by 0.4 % at most."""
MAX_DISAGREEMENT = 0.01
"""Pictures of one micrometer that differ by more than this share are not of one objective."""
BIOLOGY_SHARE = 0.06
"""Deviation of one person's mean red-cell diameter from 7.2 µm, 95 %: over a hundred healthy people the means lay
between 6.7 and 7.7 (Price-Jones, 1933). Microcytes and macrocytes deviate more."""
OUTLINE_SHARE = 0.08
"""Error of the locator's boxes against a red cell's true outline, 95 %: on drawn slides they are 5 to 8 % too wide."""
POINT_SHARE = 1 / 320
"""Error of a point tapped on a phone, 95 %, as a share of the picture's width: a screen pixel plus the error of a
finger."""
MIN_DISTANCE_SHARE = 0.1
"""Points closer than this share of the picture's width give no scale."""
SAME_LINES = 0.15
"""Two points this far from a whole number of visible divisions, in divisions, are not on these lines."""
MIN_RED_CELLS = 30
"""Minimum number of red cells: a single cell's diameter varies by 6 to 8 %."""

RED_CELL_LIMITS_UM = (5.8, 8.8)
"""Mean diameters beyond which the scale is doubted rather than the blood: healthy means lie between 6.7 and 7.7, and
severe micro- or macrocytosis shifts a person's mean by about a fifth."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A measured scale.

    Attributes:
        um_per_px: micrometres per pixel.
        uncertainty: half width of its 95 % interval, micrometres per pixel.
        method: `MICROMETER`, `TWO_POINTS` or `RED_CELLS`.
        source: in words: what was measured, and what the uncertainty includes.
    """

    um_per_px: float
    uncertainty: float
    method: str
    source: str


def scale_from_rulings(rulings: Sequence[Ruling], division_um: float) -> Scale:
    """The scale from the divisions in one or more pictures of one micrometer.

    The weighted mean; if the pictures differ by more than their own standard errors allow, these are widened
    by the Birge ratio (R. T. Birge, Phys. Rev. 40, 207, 1932). Errors common to all pictures are added: `MAKER_SHARE`
    and `PICTURE_SHARE`.

    Raises:
        CalibrationError: there is no picture, or they disagree.
        ValueError: `division_um` is not positive.
    """
    if not rulings:
        raise CalibrationError("There is no picture of a stage micrometer.", "Take one, well focused.")
    if not division_um > 0:
        msg = f"a division cannot be {division_um} µm wide"
        raise ValueError(msg)
    period = np.array([r.period_px for r in rulings])
    error = np.maximum([r.standard_error_px for r in rulings], 1e-5 * period)
    if np.ptp(period) > MAX_DISAGREEMENT * period.mean():
        raise CalibrationError(
            f"The pictures disagree: a division has {period.min():.2f} px in one and {period.max():.2f} px in another.",
            "Take all of them through one objective, in focus, at one size.",
        )
    weight = 1 / error**2
    mean = float(np.sum(weight * period) / weight.sum())
    birge = float(np.sqrt(np.sum(weight * (period - mean) ** 2) / max(len(period) - 1, 1)))
    freedom = sum(r.degrees_of_freedom for r in rulings)
    own = student_t95(freedom) * float(1 / np.sqrt(weight.sum())) * max(1.0, birge) / mean
    share = float(np.sqrt(own**2 + MAKER_SHARE**2 + PICTURE_SHARE**2))
    um_per_px = division_um / mean
    pictures = f"{len(rulings)} picture{'s' if len(rulings) > 1 else ''}"
    source = (
        f"{sum(r.divisions for r in rulings)} divisions of {division_um:g} µm in {pictures}, {mean:.3f} px each; "
        f"95 %: lines ±{100 * own:.2g} %, micrometer ±{100 * MAKER_SHARE:g} % (assumed), "
        f"picture ±{100 * PICTURE_SHARE:g} %"
    )
    return Scale(um_per_px, um_per_px * share, MICROMETER, source)


def scale_from_two_points(
    first: tuple[float, float],
    second: tuple[float, float],
    distance_um: float,
    width_px: int,
    rulings: Sequence[Ruling] = (),
) -> Scale:
    """The scale from two points a known distance apart, such as two lines of a stage micrometer.

    If both points lie on regular lines, the lines are measured instead, which is far more accurate: the points then
    only give the width of a division.

    Args:
        first: x and y, pixels of the frame.
        second: the other point, likewise.
        distance_um: true distance, micrometres.
        width_px: of the frame.
        rulings: the visible lines, one per picture; empty if there are none.

    Raises:
        CalibrationError: the points lie too close together, or the pictures disagree.
        ValueError: `distance_um` is not positive.
    """
    if not distance_um > 0:
        msg = f"two points cannot be {distance_um} µm apart"
        raise ValueError(msg)
    across = np.subtract(second, first).astype(float)
    distance_px = float(np.hypot(*across))
    if distance_px < MIN_DISTANCE_SHARE * width_px:
        raise CalibrationError(
            f"The two points are {distance_px:.0f} pixels apart, too few to measure by.",
            "Choose two lines at the two ends of the picture.",
        )
    if rulings:
        normal = np.deg2rad(rulings[0].direction_deg)
        divisions = abs(float(across @ (np.cos(normal), np.sin(normal)))) / rulings[0].period_px
        if round(divisions) and abs(divisions - round(divisions)) < SAME_LINES:
            return scale_from_rulings(rulings, distance_um / round(divisions))
    own = float(np.sqrt(2)) * POINT_SHARE * width_px / distance_px
    share = float(np.sqrt(own**2 + MAKER_SHARE**2))
    source = (
        f"two points {distance_px:.0f} px apart, said to be {distance_um:g} µm; 95 %: points ±{100 * own:.2g} %, "
        f"micrometer ±{100 * MAKER_SHARE:g} % (assumed)"
    )
    return Scale(distance_um / distance_px, distance_um / distance_px * share, TWO_POINTS, source)


def scale_from_red_cells(fields: Sequence[Detections], diameter_um: float | None = None) -> Scale:
    """The scale from the red cells of one or more fields, taken to be 7.2 µm wide on average.

    Args:
        fields: the locator's detections in each.
        diameter_um: the person's mean red-cell diameter, micrometres, if known; the biological ±6 % then does not
            apply.

    Raises:
        CalibrationError: with fewer than `MIN_RED_CELLS` measurable red cells.
        ValueError: `diameter_um` is not positive.
    """
    if diameter_um is not None and not diameter_um > 0:
        msg = f"a red cell cannot be {diameter_um} µm wide"
        raise ValueError(msg)
    by_field = [sizes for sizes in map(red_cell_sizes_px, fields) if len(sizes)]
    sizes = np.concatenate(by_field) if by_field else np.zeros(0)
    if len(sizes) < MIN_RED_CELLS:
        raise CalibrationError(
            f"Only {len(sizes)} red cells that lie alone could be measured; {MIN_RED_CELLS} are the least.",
            "Look at a place where the red cells lie side by side, and take more fields.",
        )
    middle = float(np.median(sizes))
    # Fields of one camera may repeat cells: only the cells of the richest field count as independent.
    independent = max(len(one) for one in by_field)
    own = 1.96 * 1.2533 * 1.4826 * float(np.median(np.abs(sizes - middle))) / float(np.sqrt(independent)) / middle
    biology = BIOLOGY_SHARE if diameter_um is None else 0.0
    share = float(np.sqrt(own**2 + OUTLINE_SHARE**2 + biology**2))
    um_per_px = (diameter_um or RED_CELL_UM) / middle
    assumed = f"taken as {RED_CELL_UM} µm" if diameter_um is None else f"said to be {diameter_um:g} µm"
    source = (
        f"{len(sizes)} red cells in {len(by_field)} field{'s' if len(by_field) > 1 else ''}, {middle:.1f} px in the "
        f"median, {assumed}; 95 %: counting ±{100 * own:.2g} %, outlines ±{100 * OUTLINE_SHARE:g} %"
        + (f", from person to person ±{100 * biology:g} %" if biology else "")
    )
    return Scale(um_per_px, um_per_px * share, RED_CELLS, source)


def contradiction(um_per_px: float, uncertainty: float, red_cell_px: float) -> str | None:
    """Why a session's red cells are incompatible with its profile's scale, or None.

    Args:
        um_per_px: of the profile, micrometres per pixel.
        uncertainty: half width of its 95 % interval, micrometres per pixel.
        red_cell_px: the session's median red-cell diameter, pixels.
    """
    diameter_um = red_cell_px * um_per_px
    share = float(np.hypot(uncertainty / um_per_px, OUTLINE_SHARE))
    low, high = RED_CELL_LIMITS_UM
    if low * (1 - share) <= diameter_um <= high * (1 + share):
        return None
    return (
        f"red cells measure {diameter_um:.1f} µm by the profile, and people's lie between {low} and {high}: "
        "another objective, camera size or adapter than the profile's?"
    )
