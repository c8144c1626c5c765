"""A report's figures of the level below the classes, made from what the record of a session counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.counting.subtypes import SECTION, subtypes_in
from hemato_edge.morphology import SUBTYPES
from hemato_edge.store.recorded_settings import setting
from hemato_edge.views.report.areas import DIGITS, figure
from hemato_edge.views.report.subtypes.model import SubtypeFigure, SubtypeFigures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord


def subtype_figures(reader: Reader, record: SessionRecord, counts: Mapping[str, int]) -> tuple[SubtypeFigures, ...]:
    """The levels that a session's model told.

    Args:
        reader: of the database.
        record: of the session; its settings hold what is known of its model.
        counts: class → cells that count as it.
    """
    recorded = {name: setting(record.settings, f"{SECTION}.{name}") for name in SUBTYPES}
    return tuple(
        SubtypeFigures(
            name=one.name,
            label=one.label,
            cells=one.cells,
            told=one.told,
            shares=tuple(
                SubtypeFigure(
                    value=share.value,
                    cells=share.cells,
                    percent=None if share.percent is None else figure(*share.percent),
                    mistaken_percent=round(share.mistaken_percent, DIGITS),
                )
                for share in one.shares
            ),
        )
        for one in subtypes_in(recorded, reader.attributes(record.id), counts)
    )
