"""Small rotations between two views whose shift is known.

Small rotations displace the corners of a frame relative to its middle. One least-squares step on the overlap (B. D.
Lucas and T. Kanade, "An iterative image registration technique", 1981; with the gradient of the mean of both pictures,
S. Benhimane and E. Malis, "Real-time image-based tracking of planes", 2004) finds shift and rotation together, at half
the working width; where it finds more than a trace, the view is rotated back and further steps find the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.counting.mapping.correlation import MIN_OVERLAP, agreement_of, turned_back

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.counting.mapping.correlation import Shift, View

COARSE = 2
"""Further reduction of the views for measuring angles: it averages noise, and the rotation is still resolved."""
LEAST_DEGREES = 0.4
"""Smaller angles are taken as 0. Measured with `benchmarks/registration.py`: one measurement has an error of 0.02° to
0.05° (sd), and `FORGOTTEN` bounds what accumulates."""
FORGOTTEN = 0.03
"""Share of an angle below `LEAST_DEGREES` that is dropped at each key field: otherwise the errors of a thousand
consecutive measurements would accumulate to an angle."""
MOST_DEGREES = 7.0
"""A larger angle is a false match: a slide does not rotate so far between two frames that overlap well."""
LEAST_OVERLAP = 0.25
"""With less overlap the angle is not measured."""
LAST_STEP_DEGREES = 0.3
STEPS = 6
LESS_AGREEMENT = 0.03
"""How much the agreement may fall from step to step, since steps are of whole pixels."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Rotation and displacement of a view relative to another.

    Attributes:
        degrees: rotation on the slide, from x towards y (clockwise in the picture); 0 for none.
        x, y: displacement of its middle, pixels of `View.grey`.
    """

    degrees: float
    x: float
    y: float


def significant(degrees: float) -> float:
    """An angle, or 0 where it is not significant."""
    return degrees if abs(degrees) >= LEAST_DEGREES else 0.0


def remembered(degrees: float) -> float:
    """The part of an angle that a new key field keeps: all of it where it is significant, else a little less."""
    return significant(degrees) or degrees * (1 - FORGOTTEN)


def rotated(x: float, y: float, degrees: float) -> tuple[float, float]:
    """A vector turned from x towards y."""
    if not degrees:
        return x, y
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return cosine * x - sine * y, sine * x + cosine * y


def turn_between(reference: View, view: View, shift: Shift) -> Turn:
    """The rotation of `view` relative to `reference`, at the displacement `shift`.

    Returns:
        the result; 0 degrees and the given shift where it cannot be measured, or rotation lowers the agreement.
    """
    none = Turn(0.0, shift.x, shift.y)
    if shift.overlap < LEAST_OVERLAP:
        return none
    one, other = _shrunk(reference.grey), _shrunk(view.grey)
    masks = _shrunk_slide(reference), _shrunk_slide(view)
    x, y, degrees, least = shift.x / COARSE, shift.y / COARSE, 0.0, -1.0
    for _ in range(STEPS):
        step = _step(one, turned_back(other, degrees), (x, y), masks)
        if step is None or step[3] < least:
            return none
        x, y, more, agreement = step
        degrees, least = degrees + more, agreement - LESS_AGREEMENT
        if abs(degrees) > MOST_DEGREES:
            return none
        if abs(more) < LAST_STEP_DEGREES:
            break
    return Turn(degrees, x * COARSE, y * COARSE)


def moved_and_turned(reference: View, angle: float, view: View, shift: Shift) -> tuple[NDArray[np.float64], float]:
    """Displacement of a view over the slide, x y in pixels of the frame, and its frame's angle, degrees.

    `shift` is between it and `reference`, whose frame is rotated by `angle`.
    """
    turn = turn_between(reference, view, shift)
    own = angle + view.turned_deg - reference.turned_deg + turn.degrees
    if not (significant(own) or view.turned_deg or reference.turned_deg):
        return np.array([shift.x, shift.y]) * view.scale, own
    return moved(reference, angle, view, turn), own


def moved(reference: View, angle: float, view: View, by: Shift | Turn) -> NDArray[np.float64]:
    """A displacement in slide coordinates, x y in pixels of the frame; arguments as in `moved_and_turned`."""
    rest = significant(angle) and angle - reference.turned_deg
    return np.array(rotated(by.x, by.y, rest)) * view.scale


def _shrunk(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (grey.shape[1] // COARSE, grey.shape[0] // COARSE)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def _shrunk_slide(view: View) -> NDArray[np.bool_] | None:
    if view.slide is None:
        return None
    height, width = view.grey.shape[0] // COARSE * COARSE, view.grey.shape[1] // COARSE * COARSE
    return np.asarray(view.slide[:height:COARSE, :width:COARSE], np.bool_)


def _step(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    shift: tuple[float, float],
    masks: tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None],
) -> tuple[float, float, float, float] | None:
    """One step: the shift x, y of the middle, the remaining rotation in degrees, and the agreement before the step.

    `masks` mark where the two show slide; None: everywhere.

    None where the overlap is too small or lacks contrast.
    """
    height, width = one.shape
    dx, dy = round(shift[0]), round(shift[1])
    left, top, right, bottom = max(-dx, 0), max(-dy, 0), width + min(-dx, 0), height + min(-dy, 0)
    if (right - left) * (bottom - top) < MIN_OVERLAP * width * height:
        return None
    a = one[top + dy : bottom + dy, left + dx : right + dx]
    b = other[top:bottom, left:right]
    shown: NDArray[np.bool_] | None = None
    if masks[0] is not None and masks[1] is not None:
        shown = masks[0][top + dy : bottom + dy, left + dx : right + dx] & masks[1][top:bottom, left:right]
    agreement = agreement_of(a, b) if shown is None else agreement_of(a[shown], b[shown])
    if agreement is None:
        return None
    both = a + b
    gx = cv2.Sobel(both, cv2.CV_32F, 1, 0, ksize=1, scale=1 / 4)
    gy = cv2.Sobel(both, cv2.CV_32F, 0, 1, ksize=1, scale=1 / 4)
    across = np.arange(right - left, dtype=np.float32) - np.float32((right - left - 1) / 2)
    down = (np.arange(bottom - top, dtype=np.float32) - np.float32((bottom - top - 1) / 2))[:, None]
    columns = np.stack([gx, gy, gy * across - gx * down]).reshape(3, -1)
    if shown is not None:
        columns = columns * cv2.erode(shown.astype(np.uint8), np.ones((3, 3), np.uint8)).ravel()
    normal, right_side = columns @ columns.T, columns @ (b - a).ravel()
    step_x, step_y, turn = np.linalg.solve(normal.astype(np.float64), right_side.astype(np.float64)).tolist()
    # the step applies to the middle of the overlap; the middle of the view lies elsewhere
    aside_x, aside_y = (width - left - right) / 2, (height - top - bottom) / 2
    return dx + step_x - turn * aside_y, dy + step_y + turn * aside_x, math.degrees(turn), agreement
