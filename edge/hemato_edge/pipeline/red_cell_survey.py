"""Looks at the red cells of some fields of a session, each cell once, and at all of its platelets that count."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.red_cells import pallor, platelets, shapes, sizes
from hemato_edge.counting.red_cells.by_field import tally_name
from hemato_edge.labels import PLATELET, RBC
from hemato_edge.vision.red_cells.outlines import look_at_red_cells
from hemato_edge.vision.red_cells.platelets import clumped_platelets, giant_platelets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_edge.counting.ledger import Admission
    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.red_cells.outlines import RedCellLook
    from hemato_edge.vision.red_cells.shapes import ShapeNamer

EVERY = 2
"""One of so many fields that count red cells is measured."""
ENOUGH_SHAPES = 1000
"""Cells after which no more shapes are named: schistocytes are asked for in a thousand red cells (ICSH)."""
ENOUGH = 500
"""Cells after which no more are measured, as many as Price-Jones measured: the spread is then known to 6 %."""


class RedCellSurvey:
    """What was seen so far, in bins.

    Args:
        measure: whether red cells and platelets are looked at one by one; else nothing is done.
        shapes: names their shapes; None: nobody does.
    """

    def __init__(self, *, measure: bool = True, shapes: ShapeNamer | None = None) -> None:
        self._measure, self._namer = measure, shapes
        self._shape_fields = self._named = 0
        self._counts: Counter[str] = Counter()
        self._turns = self._fields = self._cells = 0

    def look(self, view: FieldView, detections: Detections, admission: Admission, red_cell_px: float) -> None:
        """Look at the cells of a field that count from this field on; at its red cells if it is its turn.

        Args:
            view: the field.
            detections: the cells found in it, pixels of the view.
            admission: what the ledger made of them.
            red_cell_px: diameter of a red cell, pixels.
        """
        if not self._measure:
            return
        few = _counted_here(admission, PLATELET)
        if len(few):
            giant, clumped = giant_platelets(detections, red_cell_px), clumped_platelets(detections, red_cell_px)
            self._counts[platelets.SEEN] += len(few)
            self._counts[platelets.GIANT] += int(np.count_nonzero(giant[few]))
            self._counts[platelets.CLUMPED] += int(np.count_nonzero(clumped[few]))
        if self._cells >= ENOUGH and (self._namer is None or self._named >= ENOUGH_SHAPES):
            return
        here = _counted_here(admission, RBC)
        if not len(here):
            return
        self._turns += 1
        if self._turns % EVERY != 1:
            return
        found = look_at_red_cells(view, detections, here)
        if self._cells < ENOUGH:
            self.enter(found)
        if self._namer is not None and self._named < ENOUGH_SHAPES:
            self.enter_shapes(self._namer.name(view, found, red_cell_px))

    def enter(self, found: RedCellLook) -> None:
        """Count the red cells of one more field."""
        for reason, cells in found.left_out.items():
            self._counts[f"{sizes.LEFT_OUT}{reason}"] += cells
        if not len(found):
            return
        for diameter, pale in zip(found.diameters_px.tolist(), found.pallor.tolist(), strict=True):
            self._counts[tally_name(sizes.TALLY, self._fields, sizes.bin_of(diameter))] += 1
            self._counts[tally_name(pallor.TALLY, self._fields, pallor.pallor_bin(pale))] += 1
        self._fields += 1
        self._cells += len(found)

    def enter_shapes(self, names: NDArray[np.intp]) -> None:
        """Count the shapes (n,) of one more field, indices into `shapes.SHAPES`, -1 for a cell without a name."""
        for number in np.where(names < 0, shapes.UNNAMED, names).tolist():
            self._counts[tally_name(shapes.TALLY, self._shape_fields, number)] += 1
        self._shape_fields += bool(len(names))
        self._named += int(np.count_nonzero(names >= 0))

    def enter_picture(
        self, found: RedCellLook | None, names: NDArray[np.intp] | None, few: Mapping[str, int], platelets_seen: int
    ) -> None:
        """Count the cells of a picture from a file, see `pipeline.images.FieldPicture`; None: nobody looked.

        Args:
            found: its red cells.
            names: of their shapes.
            few: "giant" and "clumped" → platelets.
            platelets_seen: all of its platelets.
        """
        if found is not None:
            self.enter(found)
            self._counts[platelets.SEEN] += platelets_seen
            self._counts[platelets.GIANT] += few.get("giant", 0)
            self._counts[platelets.CLUMPED] += few.get("clumped", 0)
        if names is not None:
            self.enter_shapes(names)

    def tallies(self) -> dict[str, int]:
        """Absolute counts for the record."""
        return dict(self._counts)


def _counted_here(admission: Admission, kind: int) -> NDArray[np.intp]:
    """Indices of the detections of a kind that count from this field on."""
    counted = {id(cell) for cell in admission.counted[kind]}
    return np.array([i for i, cell in enumerate(admission.cells) if id(cell) in counted], np.intp)
