"""Measures the red cells of some fields of a session, each cell once, for the distribution of their diameters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.red_cell_sizes import bin_of, tally_name
from hemato_edge.labels import RBC
from hemato_edge.vision.red_cell_size import red_cell_diameters

if TYPE_CHECKING:
    from hemato_edge.counting.ledger import Admission
    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView

EVERY = 2
"""One of so many fields that count red cells is measured."""
ENOUGH = 500
"""Cells after which no more are measured, as many as Price-Jones measured: the spread is then known to 6 %."""


class RedCellSurvey:
    """The diameters so far, in bins."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self._fields = 0
        self._cells = 0

    def look(self, view: FieldView, detections: Detections, admission: Admission) -> None:
        """Measure the red cells of a field that count from this field on, if it is its turn.

        Args:
            view: the field.
            detections: the cells found in it, pixels of the view.
            admission: what the ledger made of them.
        """
        if self._cells >= ENOUGH:
            return
        counted = {id(cell) for cell in admission.counted[RBC]}
        here = [i for i, cell in enumerate(admission.cells) if id(cell) in counted]
        if not here:
            return
        self._fields += 1
        if self._fields % EVERY == 1:
            chosen = detections.select(np.array(here, np.intp))
            diameters = red_cell_diameters(view, chosen)
            self._cells += len(diameters)
            self._bins.update(bin_of(float(diameter)) for diameter in diameters)

    def tallies(self) -> dict[str, int]:
        """Absolute counts for the record: the bins."""
        return {tally_name(number): count for number, count in sorted(self._bins.items())}
