"""What a map of the slide is drawn from: the fields of a session row by row, and its cells region by region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.store import stored_values as stored
from hemato_edge.store.records import Footprint
from hemato_edge.store.rows import damage_of_a_row
from hemato_edge.store.write.merges import COUNTS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_FOOTPRINTS = (
    "SELECT region, x_px, y_px, width, height FROM fields WHERE session = ? AND region IS NOT NULL ORDER BY number"
)
_LABELS = (
    "SELECT f.region, coalesce(cells.relabelled, cells.label), count(*) FROM cells JOIN fields f"  # noqa: S608
    " ON f.session = cells.session AND f.number = cells.field"
    f" WHERE cells.session = ? AND f.region IS NOT NULL AND {COUNTS} GROUP BY 1, 2"
)


def footprints(connection: sqlite3.Connection, session: int) -> Iterator[Footprint]:
    """The fields of a session that lie in a region, in the order of recording."""
    return map(_footprint, connection.execute(_FOOTPRINTS, (session,)))


@damage_of_a_row
def labels_per_region(connection: sqlite3.Connection, session: int) -> dict[int, dict[str, int]]:
    """Region → label → cells that count, the most frequent first."""
    found: dict[int, dict[str, int]] = {}
    for region, label, count in sorted(connection.execute(_LABELS, (session,)), key=lambda row: -row[2]):
        found.setdefault(region, {})[stored.class_name(label)] = stored.count(count)
    return found


@damage_of_a_row
def _footprint(row: sqlite3.Row) -> Footprint:
    region, x_px, y_px, width, height = row
    return Footprint(
        region,
        stored.place_px(x_px) or 0.0,
        stored.place_px(y_px) or 0.0,
        stored.side_px(width),
        stored.side_px(height),
    )
