"""Names of red-cell shapes, from a head that is optional."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.counting.red_cells.shapes import ABSENT, DIGEST, NAME, RELIABLE, SHAPES
from hemato_edge.errors import ModelError
from hemato_edge.models.shape_head import read_shape_head
from hemato_edge.vision.red_cells.shape_features import NAMES, shape_features

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.models.shape_head import ShapeHead
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.red_cells.outlines import RedCellLook

MOST = 24
"""Cells of one field that are named: so many cost about as much as one inference of the classifier."""


class ShapeNamer:
    """Names the red cells of a field that have an outline to themselves.

    Args:
        head: from `read_shape_head`.

    Raises:
        ModelError: the head was fitted to other numbers than this version measures.
    """

    def __init__(self, head: ShapeHead) -> None:
        if head.card.features != NAMES or head.card.labels != SHAPES:
            raise ModelError(
                "The head for red-cell shapes was fitted to other numbers than this version measures.",
                "Use the file that belongs to this version, or leave out red_cells.shapes.",
            )
        self.head = head

    def name(self, view: FieldView, look: RedCellLook, red_cell_px: float) -> NDArray[np.intp]:
        """(n,) index into the card's labels of each cell, -1 for one without a name; of at most `MOST` cells.

        Args:
            view: the field.
            look: its red cells one by one.
            red_cell_px: diameter of a red cell on this slide, pixels.
        """
        chosen = list(look.alone.values())[:MOST]
        return self.head.name(shape_features(view, chosen, red_cell_px))

    @property
    def told(self) -> dict[str, float]:
        """Shape that is told reliably → percent of healthy donors' cells that are named so by mistake."""
        return {shape: one.healthy for shape, one in self.head.card.shapes.items() if one.reliable}

    def session_section(self) -> dict[str, object]:
        """What a session records of it, under `counting.red_cells.shapes.SECTION`."""
        card = self.head.card
        return {
            NAME: card.name,
            DIGEST: self.head.sha256,
            RELIABLE: self.told,
            ABSENT: list(card.absent),
        }


def load_shape_namer(path: Path, trusted_keys: Path | None = None) -> ShapeNamer:
    """The namer of a file; see `read_shape_head` for its errors."""
    return ShapeNamer(read_shape_head(path, trusted_keys))
