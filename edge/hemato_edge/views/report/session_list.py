"""The list of what a database has recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.escaped import json_text
from hemato_edge.views.report.build import count_summary
from hemato_edge.views.report.figures import printable
from hemato_edge.views.report.formats.json_document import as_data
from hemato_edge.views.report.recorded import session_head

if TYPE_CHECKING:
    from hemato_edge.store.reader import Reader

_WIDEST = 40
"""Letters of a column of the list; `report` has the whole."""


def sessions_json(reader: Reader) -> str:
    """All sessions as one JSON document: {"database", "sessions": [head and counts of each], "notice"}."""
    rows = [
        as_data(session_head(record)) | as_data(count_summary(reader.totals(record.id))) for record in reader.sessions()
    ]
    document = {"database": str(reader.path), "sessions": rows, "notice": RESEARCH_USE_NOTICE}
    return json_text(document, indent=1, ensure_ascii=False)


def session_lines(reader: Reader) -> list[str]:
    """All sessions as plain lines of text."""
    rows: list[tuple[str, ...]] = [("", "started (UTC)", "state", "fields", "WBC", "RBC", "PLT", "camera", "label")]
    for record in reader.sessions():
        totals = reader.totals(record.id)
        counts = (totals.fields, totals.wbc, totals.rbc, totals.platelet)
        rows.append(
            (
                str(record.id),
                f"{record.started_utc:%Y-%m-%d %H:%M:%S}",
                record.state,
                *map(str, counts),
                printable(record.camera, _WIDEST),
                printable(record.label, _WIDEST),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"Database {printable(str(reader.path))}",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
        *(() if len(rows) > 1 else ("No session is recorded; `hemato-edge run` records one.",)),
        RESEARCH_USE_NOTICE,
    ]
