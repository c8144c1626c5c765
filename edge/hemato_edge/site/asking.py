"""Selection of the site's cells that a reader is asked to label next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.site.cells import site_cells
from hemato_edge.site.strata import ask_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.site.cells import SiteCell
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord


def cells_to_name(
    reader: Reader, records: Sequence[SessionRecord], wanted: int, who: str
) -> tuple[list[SiteCell], int]:
    """The most informative cells with a picture that `who` has not labelled, and how many `who` has labelled.

    A second reader is asked for the cells that another reader labelled before any others.

    Args:
        reader: of the database.
        records: sessions of one microscope.
        wanted: cells that each reader is to name in the end.
        who: the reader.
    """
    cells = site_cells(reader, [record.id for record in records])
    shown = {cell.place for cell in cells if reader.portrait(*cell.place) is not None}
    again = shown & {cell.place for cell in cells if cell.words and who not in cell.words}
    named = sum(who in cell.words for cell in cells)
    return ask_for(cells, wanted, lambda cell: who in cell.words, again or shown), named
