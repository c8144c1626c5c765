"""Reports as one workbook (Office Open XML): a sheet with a row a class, and one with a row a session."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import MissingExtraError
from hemato_edge.output_marks import PROGRAM
from hemato_edge.views.report.cautions import caution_lines
from hemato_edge.views.report.figures import printable
from hemato_edge.views.report.formats.tables import REPORT_COLUMNS, report_rows, spreadsheet_safe
from hemato_edge.views.report.words import warning_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hemato_edge.views.report.model import Report

SESSION_COLUMNS = (
    *("session", "sample", "state", "started_utc", "ended_utc", "camera", "operator", "comment", "laboratory"),
    *("classified", "unclassified", "wbc", "rbc", "platelet", "fields", "reviewed", "model", "model_sha256"),
    *("cautions", "verification", "notice"),
)
_LONGEST = 32_767
"""Characters that a cell holds (Excel's limit; it refuses the file otherwise)."""
_WIDTH = 16


def workbook(reports: Iterable[Report]) -> Iterator[bytes]:
    """The file, in one piece.

    Raises:
        MissingExtraError: openpyxl is not installed.
    """
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise MissingExtraError(
            "The format xlsx needs openpyxl, which is not installed.", "Type `pip install 'hemato-edge[xlsx]'`."
        ) from error
    made = list(reports)
    book = Workbook(write_only=True)
    book.properties.creator = PROGRAM
    _fill(book.create_sheet("Differential"), REPORT_COLUMNS, (row for report in made for row in report_rows(report)))
    _fill(book.create_sheet("Sessions"), SESSION_COLUMNS, map(_session_row, made))
    stream = io.BytesIO()
    book.save(stream)
    yield stream.getvalue()


def _fill(sheet: Any, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    for number in range(1, len(columns) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = _WIDTH
    sheet.append(columns)
    for row in rows:
        sheet.append([_cell(row.get(name)) for name in columns])


def _cell(value: object) -> object:
    """A value as a cell takes it: no formula, no control character, no time zone."""
    if isinstance(value, str):
        return spreadsheet_safe(printable(value.replace("\n", " "))[: _LONGEST - 1])
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).replace(tzinfo=None)
    return value


def _session_row(report: Report) -> dict[str, object]:
    start, end = report.period
    made = report.provenance
    return {
        "session": report.session.id,
        "sample": report.session.label,
        "state": report.session.state,
        "started_utc": start,
        "ended_utc": end,
        "camera": report.session.camera,
        "operator": report.letterhead.operator,
        "comment": report.letterhead.comment,
        "laboratory": report.letterhead.laboratory,
        "classified": report.classified,
        "unclassified": report.unclassified,
        **report.counts,
        "fields": report.fields,
        "reviewed": report.reviewed.cells,
        "model": made.model_name,
        "model_sha256": made.model_sha256,
        "cautions": " ".join([*warning_lines(report), *caution_lines(report)]),
        "verification": report.verified,
        "notice": report.notice,
    }
