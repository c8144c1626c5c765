"""`hemato-edge sessions`, `report` and `export`: what is recorded, without a camera or a model."""

from __future__ import annotations

from enum import Enum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.languages import LANGUAGES
from hemato_edge.views.report.formats.registry import FORMATS, OURS
from hemato_edge.views.report.formats.tables import BOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.seal import SealKey
    from hemato_edge.views.report.formats.registry import Format
    from hemato_edge.views.report.model import Letterhead

Database = Annotated[
    Path | None, typer.Option("--db", metavar="PATH", help="The database; else the setting store.path.")
]
Session = Annotated[int | None, typer.Option("--session", metavar="ID", help="Its number; else the last one.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML, such as those of `run`.")
]


class TableFormat(str, Enum):
    """What `export` writes."""

    CSV = "csv"
    JSON = "json"


class Table(str, Enum):
    """What `export` takes out."""

    CELLS = "cells"
    FIELDS = "fields"


def _formats_help() -> str:
    return "How to write it: " + ", ".join(f"{name} ({one.help})" for name, one in OURS.items()) + "."


def register(app: typer.Typer) -> None:
    """Add `sessions`, `report` and `export`."""
    app.command()(sessions)
    app.command()(report)
    app.command()(export)


def sessions(db: Database = None, as_json: AsJson = False) -> None:
    """List what is recorded."""
    from hemato_edge.views.report.session_list import session_lines, sessions_json

    with open_reader(db) as reader:
        typer.echo(sessions_json(reader) if as_json else "\n".join(session_lines(reader)))


def report(
    db: Database = None,
    session: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="Its number; else the last one. May be repeated for text, csv and xlsx."),
    ] = None,
    style: Annotated[str, typer.Option("--format", metavar="NAME", help=_formats_help())] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    white_count: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="N", help="A counter's white count, to be corrected for nucleated red cells."),
    ] = None,
    red_count: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=20.0, metavar="N", help="A counter's red count, 10¹²/L; platelets are estimated from it, too."
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help=f"Of text and html: {', '.join(LANGUAGES)}; else the setting report.language."
        ),
    ] = None,
    config: ConfigFile = None,
    out: Out = None,
) -> None:
    """The differential with its intervals, counts, quality and provenance."""
    from hemato_edge.views.report.build import build_report

    name = "json" if as_json else style
    chosen = _format(name)
    if session and len(session) > 1 and not chosen.several:
        raise typer.BadParameter(f"a file of the format {name} holds one session")
    if language is not None and language not in LANGUAGES:
        raise typer.BadParameter(f"{language!r} is no language of reports; known: {', '.join(LANGUAGES)}")
    with open_reader(db, config) as reader:
        head, usual = printed_settings(config)
        spoken = language or usual
        made = [build_report(reader, one, white_count, head, red_count) for one in session or (None,)]
        if chosen is FORMATS["text"] and out is None and is_terminal():
            from rich.console import Console

            from hemato_edge.views.report.formats.text import report_view

            for one in made:
                Console(highlight=False).print(report_view(one, spoken), soft_wrap=True)
        else:
            write(chosen.pieces(made, reader, spoken), out, reader.path, binary=chosen.binary)


def printed_settings(config: Path | None) -> tuple[Letterhead, str]:
    """What the settings `report.*` print on every report, and in which language.

    Said where the usual ones cannot be read.

    Raises:
        ConfigurationError: the file that was named cannot be read.
    """
    from hemato_edge.errors import ConfigurationError
    from hemato_edge.views.report.letterhead import letterhead_and_language
    from hemato_edge.views.report.model import Letterhead

    try:
        return letterhead_and_language(config)
    except ConfigurationError as error:
        if config is not None:
            raise
        typer.echo(f"warning: no letterhead: {error}", err=True)
        return Letterhead(), "en"


def _format(name: str) -> Format:
    try:
        return FORMATS[name]
    except KeyError:
        raise typer.BadParameter(f"{name!r} is no format; known: {', '.join(FORMATS)}") from None


def export(
    table: Annotated[Table, typer.Argument(help="What to take out.")],
    db: Database = None,
    session: Session = None,
    style: Annotated[TableFormat, typer.Option("--format", help="How to write it.")] = TableFormat.CSV,
    out: Out = None,
) -> None:
    """Write all cells or all fields of a session, a row each; only as a file does CSV begin with a byte order mark."""
    with open_reader(db) as reader:
        lines = _table_lines(reader, table, session, style)
        marked = (BOM,) if out is not None and style is TableFormat.CSV else ()
        write(chain(marked, lines), out, reader.path)


def _table_lines(reader: Reader, table: Table, session: int | None, style: TableFormat) -> Iterator[str]:
    from hemato_edge.views.report.formats import tables

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


def database_path(db: Path | None, config: Path | None = None) -> Path:
    """The database that is meant: the one named, else that of the settings, or of the file `config`."""
    if db is None:
        from hemato_edge.settings import load_settings

        db = load_settings(config).store.path
    return db


def chain_key(file: Path | None = None) -> SealKey | None:
    """The key of the chain: from `file`, else that of the settings, where this user may read it; else that is said."""
    from hemato_edge.errors import ConfigurationError
    from hemato_edge.settings import load_settings
    from hemato_edge.store.seal import find_key, read_key

    if file is not None:
        return read_key(file)
    try:
        return find_key(load_settings().store.chain_key_file)
    except ConfigurationError as error:
        typer.echo(f"warning: without the key of the chain: {error}", err=True)
        return None


def open_reader(db: Path | None, config: Path | None = None) -> Reader:
    """A reader of the database that is meant; see `database_path`."""
    from hemato_edge.store.reader import Reader

    return Reader(database_path(db, config))


def is_terminal() -> bool:
    """Whether a person looks at stdout."""
    import sys

    return sys.stdout.isatty()


def write(pieces: Iterable[str] | Iterable[bytes], out: Path | None, database: Path, *, binary: bool = False) -> None:
    """Write to stdout or a file, piece by piece; the file appears when it is whole.

    Raises:
        OutputError: the file cannot be written, or would be the database itself.
    """
    from hemato_edge.output_files import OutputError, written_aside

    if out is None:
        if binary and is_terminal():
            raise typer.BadParameter("this format is no text: name a file with --out")
        for piece in pieces:
            typer.echo(piece, nl=False)
        return
    if out.resolve().name.startswith(database.name) and out.resolve().parent == database.resolve().parent:
        raise OutputError(f"{out} belongs to the database.", "Name another file with --out.")
    with written_aside(out) as stream:
        for piece in pieces:
            stream.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace"))
