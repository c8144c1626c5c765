"""Composition of a drawn smear: which cells it has, and where they lie."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.cameras.demo.cells import PRECIPITATE, RED_CELL, RED_CELL_UM, CellPlan, plan_cell
from hemato_edge.labels import CELL_CLASSES, PLATELET_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

DIFFERENTIAL: dict[str, float] = {one.name: one.drawn_share for one in CELL_CLASSES if one.drawn_share}
"""Shares of the nucleated cells of a drawn slide. Rare kinds are frequent enough to occur on every slide."""

_RED_CELLS_PER_PX2 = 36 / (640 * 480)
_PLATELETS_PER_RED_CELL = 0.065
_SPECKS_PER_RED_CELL = 0.05
_STACKED = 0.10
"""Share of red cells that overlap a neighbour."""
_FORMS = {RED_CELL: 64, PLATELET_LABEL: 48, PRECIPITATE: 16}
"""Number of different shapes of the kinds that are too numerous to draw individually."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell with a position in whole pixels of the slide, rotated by quarter turns."""

    plan: CellPlan
    x_px: int
    y_px: int
    quarter_turns: int

    @property
    def half_extent(self) -> tuple[float, float]:
        """Half the width and half the height of its box, pixels, after rotation."""
        width, height = self.plan.half_extent
        return (height, width) if self.quarter_turns % 2 else (width, height)


@dataclass(frozen=True, slots=True)
class _Slide:
    """A slide while cells are placed: random generator, size in pixels, scale, occupied places."""

    rng: np.random.Generator
    size: tuple[int, int]
    um_per_px: float
    taken: _Neighbourhood

    def free_spot(self, radius: float, *, closeness: float, border_px: float) -> tuple[int, int] | None:
        """A random free place for a disc, at least `border_px` from the slide's border; None after 60 tries."""
        tries = self.rng.uniform(border_px, np.subtract(self.size, border_px), (60, 2)).astype(int).tolist()
        for x, y in tries:
            if self.taken.free(x, y, radius, closeness):
                return x, y
        return None

    def beside(self, placed: Sequence[Placed], radius: float) -> tuple[int, int] | None:
        """A place partly over an existing red cell, as in rouleaux; None if it is occupied."""
        neighbour = placed[int(self.rng.integers(0, len(placed)))]
        angle, reach = self.rng.uniform(0, 2 * np.pi), radius * self.rng.uniform(1.0, 1.7)
        x, y = int(neighbour.x_px + reach * np.cos(angle)), int(neighbour.y_px + reach * np.sin(angle))
        return (x, y) if self.taken.free(x, y, 0.55 * radius, 0.6) else None


class _Neighbourhood:
    """Placed discs, indexed by position."""

    def __init__(self, pitch_px: float) -> None:
        self._pitch = pitch_px
        self._cells: defaultdict[tuple[int, int], list[tuple[float, float, float]]] = defaultdict(list)

    def add(self, x: float, y: float, radius: float) -> None:
        """Add a disc."""
        self._cells[int(x // self._pitch), int(y // self._pitch)].append((x, y, radius))

    def free(self, x: float, y: float, radius: float, closeness: float) -> bool:
        """Whether no disc is closer than `closeness` times the sum of the radii."""
        column, row = int(x // self._pitch), int(y // self._pitch)
        for c in (column - 1, column, column + 1):
            for r in (row - 1, row, row + 1):
                for ox, oy, other in self._cells.get((c, r), ()):
                    if (x - ox) ** 2 + (y - oy) ** 2 < (closeness * (radius + other)) ** 2:
                        return False
        return True


def spread(
    seed: int, size_px: tuple[int, int], white_cells: int | Sequence[str], um_per_px: float
) -> tuple[Placed, ...]:
    """Everything on one slide, in the order in which it is placed.

    Args:
        seed: determines the smear.
        size_px: width and height of the slide, pixels.
        white_cells: number of nucleated cells, mixed as in `DIFFERENTIAL`, or the label of each.
        um_per_px: scale, micrometres per pixel.
    """
    rng = np.random.default_rng([seed, 10])
    slide = _Slide(rng, size_px, um_per_px, _Neighbourhood(200.0))
    labels = _white_labels(rng, white_cells) if isinstance(white_cells, int) else white_cells
    placed = _white_cells(slide, seed, labels)
    red_cells = int(size_px[0] * size_px[1] * _RED_CELLS_PER_PX2)
    placed += _red_cells(slide, red_cells)
    for label, share in ((PLATELET_LABEL, _PLATELETS_PER_RED_CELL), (PRECIPITATE, _SPECKS_PER_RED_CELL)):
        placed += _small_things(slide, label, int(red_cells * share))
    return tuple(placed)


def _white_labels(rng: np.random.Generator, count: int) -> list[str]:
    """Labels of the nucleated cells: every kind in its expected number, in random order."""
    shares = np.array(list(DIFFERENTIAL.values()))
    exact = shares / shares.sum() * count
    whole = np.floor(exact).astype(int)
    for k in np.argsort(whole - exact, kind="stable")[: count - int(whole.sum())]:
        whole[k] += 1
    labels = [label for label, n in zip(DIFFERENTIAL, whole, strict=True) for _ in range(n)]
    return [labels[k] for k in rng.permutation(len(labels))]


def _white_cells(slide: _Slide, seed: int, labels: Sequence[str]) -> list[Placed]:
    placed = []
    for number, label in enumerate(labels):
        plan = plan_cell(label, seed * 10_000 + number, slide.um_per_px)
        radius = max(plan.half_extent)
        spot = slide.free_spot(radius, closeness=1.03, border_px=radius + 18)
        if spot is not None:
            slide.taken.add(*spot, radius)
            placed.append(Placed(plan, *spot, 0))
    return placed


def _red_cells(slide: _Slide, count: int) -> list[Placed]:
    rng, um_per_px = slide.rng, slide.um_per_px
    forms = [plan_cell(RED_CELL, k, um_per_px) for k in range(_FORMS[RED_CELL])]
    radius = RED_CELL_UM / um_per_px / 2
    kinds, turns = rng.integers(0, len(forms), count), rng.integers(0, 4, count)
    placed: list[Placed] = []
    for kind, turn, chance in zip(kinds.tolist(), turns.tolist(), rng.random(count).tolist(), strict=True):
        if chance < _STACKED and placed:
            spot = slide.beside(placed, radius)
        else:
            spot = slide.free_spot(radius, closeness=0.93, border_px=-0.6 * radius)
        if spot is not None:
            slide.taken.add(*spot, radius)
            placed.append(Placed(forms[kind], *spot, turn))
    return placed


def _small_things(slide: _Slide, label: str, count: int) -> list[Placed]:
    rng = slide.rng
    forms = [plan_cell(label, k, slide.um_per_px) for k in range(_FORMS[label])]
    placed = []
    for kind, turn in zip(rng.integers(0, len(forms), count), rng.integers(0, 4, count), strict=True):
        radius = max(forms[kind].half_extent)
        spot = slide.free_spot(radius, closeness=1.05, border_px=0)
        if spot is not None:
            slide.taken.add(*spot, radius)
            placed.append(Placed(forms[kind], *spot, int(turn)))
    return placed
