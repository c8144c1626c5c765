"""Corrects the map of key fields when a loop closes: least squares over the measured shifts.

With translations alone this is a linear system in x and in y: the graph's Laplacian. It is solved over the key fields
around the new link; those further away stay fixed and anchor it. Rotations, if any, are solved first with the same
matrix, and rotate the measured shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.mapping.rotation import LEAST_DEGREES, rotated, significant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_edge.counting.mapping.keyfields import KeyField, KeyFields

MOST_AT_ONCE = 200
"""Maximum number of key fields moved at once: solving for them takes a few milliseconds."""
WORTH_PX = 1.0
"""No key field moves while measured shifts and map disagree by less than this, pixels of the frame."""

WORTH_DEGREES = LEAST_DEGREES
"""No key field rotates while measured angles and map disagree by less than this, degrees."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A region was found to overlap an older one.

    Attributes:
        region: the one that ends.
        into: the older region that goes on.
        x_px, y_px: translation from `region` to `into`, after the rotation, pixels of the frame.
        angle_deg: rotation of `region` about its (0, 0), applied first, from x towards y, degrees.
    """

    region: int
    into: int
    x_px: float
    y_px: float
    angle_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """A key field was moved, and the cells around it with it.

    Attributes:
        region: of the key field.
        x_px, y_px: its former place, pixels of the frame.
        dx_px, dy_px: displacement, pixels of the frame.
    """

    region: int
    x_px: float
    y_px: float
    dx_px: float
    dy_px: float


def note(one: KeyField, other: KeyField, shift: tuple[float, float], turn: float = 0.0) -> None:
    """Link two key fields: `other` lies `shift` pixels of the frame from `one`, rotated by `turn` degrees."""
    one.links[other.number], one.turns[other.number] = shift, turn
    other.links[one.number], other.turns[one.number] = (-shift[0], -shift[1]), -turn


def relaxed(key: KeyField, fields: KeyFields) -> list[Move]:
    """Distribute the residuals of the links of `key` over the key fields around it, in place.

    Returns:
        the key fields moved; empty where the map agrees well enough.
    """
    _turn_right(key, fields)
    worst = max((max(abs(o.x - key.x - dx), abs(o.y - key.y - dy)) for o, (dx, dy) in fields.linked(key)), default=0.0)
    if worst < WORTH_PX:
        return []
    group = _around(key, fields)
    places = _solved(group, fields, lambda one: (one.x, one.y), lambda one, other: one.links[other.number])
    moves = []
    for one, (x, y) in zip(group, places.tolist(), strict=True):
        if max(abs(x - one.x), abs(y - one.y)) > WORTH_PX / 4:
            moves.append(Move(one.region, one.x, one.y, x - one.x, y - one.y))
            one.x, one.y = x, y
    return moves


def _turn_right(key: KeyField, fields: KeyFields) -> None:
    """Distribute the angular residuals over the key fields around, and rotate their links to match."""
    off = (abs(other.angle - key.angle - key.turns.get(other.number, 0.0)) for other, _ in fields.linked(key))
    if max(off, default=0.0) < WORTH_DEGREES:
        return
    group = _around(key, fields)
    angles = _solved(group, fields, lambda one: (one.angle,), lambda one, other: (one.turns[other.number],))
    turned = {one.number: angle - one.angle for one, angle in zip(group, angles[:, 0].tolist(), strict=True)}
    for one in group:
        for other, shift in fields.linked(one):
            turn = significant((turned[one.number] + turned.get(other.number, 0.0)) / 2)
            one.links[other.number] = rotated(*shift, turn)
        one.angle += turned[one.number]


def _around(key: KeyField, fields: KeyFields) -> list[KeyField]:
    """`key` and its nearest key fields in steps over links, `MOST_AT_ONCE` at most."""
    found = {key.number: key}
    for one in found_in_order(key, fields):
        found[one.number] = one
        if len(found) >= MOST_AT_ONCE:
            break
    return list(found.values())


def found_in_order(key: KeyField, fields: KeyFields) -> list[KeyField]:
    """Key fields linked to `key` directly or through others, fewest steps first."""
    seen, queue = {key.number}, [key]
    for one in queue:
        if len(queue) > MOST_AT_ONCE:
            break
        for other, _ in fields.linked(one):
            if other.number not in seen:
                seen.add(other.number)
                queue.append(other)
    return queue[1:]


def _solved(
    group: list[KeyField],
    fields: KeyFields,
    now: Callable[[KeyField], tuple[float, ...]],
    measured: Callable[[KeyField, KeyField], tuple[float, ...]],
) -> NDArray[np.float64]:
    """(N, k) least-squares places or angles over all links of the group; the oldest stays fixed at `now`."""
    index = {key.number: i for i, key in enumerate(group)}
    fixed = min(range(len(group)), key=lambda i: group[i].number)
    matrix = np.zeros((len(group), len(group)))
    right = np.zeros((len(group), len(now(group[0]))))
    for i, key in enumerate(group):
        for other, _ in fields.linked(key):
            matrix[i, i] += 1
            right[i] -= measured(key, other)
            j = index.get(other.number)
            if j is None:
                right[i] += now(other)
            else:
                matrix[i, j] -= 1
    matrix[fixed], right[fixed] = 0, now(group[fixed])
    matrix[fixed, fixed] = 1
    solved: NDArray[np.float64] = np.linalg.solve(matrix, right)
    return solved
