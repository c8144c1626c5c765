"""Drawn cells of a site, with what a program and people say of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemato_edge.labels import UNCLASSIFIED
from hemato_edge.site.cells import SiteCell


def drawn_cells(
    rng: np.random.Generator, number: int, wrong: float, silent: float, session: int = 1
) -> list[tuple[SiteCell, str]]:
    """Cells and their truth: in doubt the program is silent, and among the rest `wrong` of its answers are."""
    cells = []
    for i in range(number):
        truth = str(rng.choice(["neutrophil", "lymphocyte", "monocyte", "eosinophil"], p=[0.6, 0.25, 0.1, 0.05]))
        best, confidence = truth, float(rng.uniform(0.96, 1))
        if rng.random() < wrong:
            best, confidence = "monocyte" if truth != "monocyte" else "lymphocyte", float(rng.uniform(0.96, 0.985))
        answer = best
        if rng.random() < silent:
            answer, confidence = UNCLASSIFIED, float(rng.uniform(0.3, 0.96))
        cells.append((SiteCell(session, i // 5, i % 5, answer, best, confidence, None, {}), truth))
    return cells


def named(cells: list[tuple[SiteCell, str]], places: set[tuple[int, int, int]], who: str = "Ada") -> list[SiteCell]:
    """The cells after a person named those at `places` rightly."""
    return [replace(cell, truth=truth, words={who: truth}) if cell.place in places else cell for cell, truth in cells]
