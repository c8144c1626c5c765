"""`hemato-edge sessions`, `report` and `export`: what is recorded, without a camera or a model."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hemato_edge.store.reader import Reader

Database = Annotated[
    Path | None, typer.Option("--db", metavar="PATH", help="The database; else the setting store.path.")
]
Session = Annotated[int | None, typer.Option("--session", metavar="ID", help="Its number; else the last one.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


class ReportFormat(str, Enum):
    """What `report` writes."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    FHIR = "fhir"


class TableFormat(str, Enum):
    """What `export` writes."""

    CSV = "csv"
    JSON = "json"


class Table(str, Enum):
    """What `export` takes out."""

    CELLS = "cells"
    FIELDS = "fields"


def register(app: typer.Typer) -> None:
    """Add `sessions`, `report` and `export`."""
    app.command()(sessions)
    app.command()(report)
    app.command()(export)


def sessions(db: Database = None, as_json: AsJson = False) -> None:
    """List what is recorded."""
    import json

    from hemato_edge import RESEARCH_USE_NOTICE
    from hemato_edge.views.report.model import count_summary, session_summary
    from hemato_edge.views.report.text import session_lines

    with open_reader(db) as reader:
        rows = [{**session_summary(record), **count_summary(reader.totals(record.id))} for record in reader.sessions()]
        document = {"database": str(reader.path), "sessions": rows, "notice": RESEARCH_USE_NOTICE}
    typer.echo(json.dumps(document, indent=1, ensure_ascii=False) if as_json else "\n".join(session_lines(document)))


def report(
    db: Database = None,
    session: Session = None,
    style: Annotated[ReportFormat, typer.Option("--format", help="How to write it.")] = ReportFormat.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    white_count: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="N", help="A counter's white count, to be corrected for nucleated red cells."),
    ] = None,
    out: Out = None,
) -> None:
    """The differential with its intervals, counts, quality and provenance.

    html is one page that prints; fhir an HL7 FHIR R4 DiagnosticReport.
    """
    from hemato_edge.views.report.model import as_json as json_document
    from hemato_edge.views.report.model import build_report

    with open_reader(db) as reader:
        made = build_report(reader, session, white_count)
        database = reader.path
        if style is ReportFormat.HTML and not as_json:
            from hemato_edge.views.report.html import report_page

            _write(report_page(reader, made), out, database)
            return
    if as_json or style is ReportFormat.JSON:
        _write([json_document(made), "\n"], out, database)
    elif style is ReportFormat.CSV:
        from hemato_edge.views.report.tables import report_csv

        _write([report_csv(made)], out, database)
    elif style is ReportFormat.FHIR:
        from hemato_edge.views.report.fhir import diagnostic_report

        _write([diagnostic_report(made), "\n"], out, database)
    elif out is None and _is_terminal():
        from rich.console import Console

        from hemato_edge.views.report.text import report_view

        Console(highlight=False).print(report_view(made), soft_wrap=True)
    else:
        from hemato_edge.views.report.text import report_lines

        _write((f"{line}\n" for line in report_lines(made)), out, database)


def export(
    table: Annotated[Table, typer.Argument(help="What to take out.")],
    db: Database = None,
    session: Session = None,
    style: Annotated[TableFormat, typer.Option("--format", help="How to write it.")] = TableFormat.CSV,
    out: Out = None,
) -> None:
    """Write all cells or all fields of a session, a row each."""
    with open_reader(db) as reader:
        _write(_table_lines(reader, table, session, style), out, reader.path)


def _table_lines(reader: Reader, table: Table, session: int | None, style: TableFormat) -> Iterator[str]:
    from hemato_edge.views.report import tables

    record = reader.session(session)
    rows: Iterable[dict[str, object]]
    if table is Table.CELLS:
        columns = tables.cell_columns(record.classifier_labels)
        rows = map(tables.cell_row, reader.cells(record.id))
    else:
        columns = tables.FIELD_COLUMNS
        rows = map(tables.field_row, reader.fields(record.id))
    if style is TableFormat.CSV:
        return tables.csv_lines(columns, rows)
    return tables.json_lines(table.value, rows)


def database_path(db: Path | None) -> Path:
    """The database that is meant: the one named, else that of the settings."""
    if db is None:
        from hemato_edge.settings import load_settings

        db = load_settings().store.path
    return db


def open_reader(db: Path | None) -> Reader:
    """A reader of the database that is meant."""
    from hemato_edge.store.reader import Reader

    return Reader(database_path(db))


def _is_terminal() -> bool:
    import sys

    return sys.stdout.isatty()


def _write(pieces: Iterable[str], out: Path | None, database: Path) -> None:
    """Write to stdout or a file, piece by piece.

    Raises:
        HematoEdgeError: the file cannot be written, or would be the database itself.
    """
    from hemato_edge.errors import HematoEdgeError

    if out is None:
        for piece in pieces:
            typer.echo(piece, nl=False)
        return
    if out.resolve().name.startswith(database.name) and out.resolve().parent == database.parent:
        raise HematoEdgeError(f"{out} belongs to the database.", "Name another file with --out.")
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(pieces)
    except OSError as error:
        raise HematoEdgeError(f"{out} cannot be written: {error.strerror}.", "Name another file with --out.") from error
