"""`hemato-edge review`: cells in doubt, one by one in the terminal or as folders; changes are kept and undone."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.inherit import hand_down
from hemato_edge.cli.records.report import AsJson, Database, Session, chain_key, database_path, open_reader
from hemato_edge.cli.records.review_keys import answer, walk
from hemato_edge.escaped import json_text
from hemato_edge.labels import REVIEW_LABELS, named_class, suggested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.cli.records.names_at_door import Naming
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.write.retention import Retention
    from hemato_edge.store.writer import Writer

By = Annotated[str | None, typer.Option(metavar="NAME", help="Who reviews; else the name of the login.")]
review_app = typer.Typer(invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Add the group `review`."""
    app.add_typer(review_app, name="review")


@review_app.callback()
def review(
    context: typer.Context,
    db: Database = None,
    session: Session = None,
    by: By = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many cells.")] = 100,
) -> None:
    """Walk through the cells in doubt, the least certain first: one key a cell."""
    if context.invoked_subcommand is not None:
        hand_down(context)
        return
    from rich.console import Console

    screen, who = Console(highlight=False), reviewer(by)
    with opened_to_name(db) as (reader, writer):
        queue = reader.doubtful(reader.session(session).id, limit)
        if not queue:
            screen.print("No cell is left that nobody has named.")
            return
        changed = walk(screen, reader, writer, queue, who)
    screen.print(f"{changed} cells named. `hemato-edge report` shows the differential that follows.")


@review_app.command(name="list")
def list_doubtful(
    db: Database = None,
    session: Session = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many cells.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the cells that nobody has named, the least certain first."""
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.views.report.formats.tables import cell_row

    with open_reader(db) as reader:
        cells = reader.doubtful(reader.session(session).id, limit)
    if as_json:
        typer.echo(json_text({"notice": RESEARCH_USE_NOTICE, "cells": [cell_row(cell) for cell in cells]}, indent=1))
        return
    for cell in cells:
        typer.echo(f"field {cell.field} cell {cell.number}: {answer(cell)}")


@review_app.command()
def relabel(
    field: Annotated[int, typer.Argument(help="Number of the field.")],
    cell: Annotated[int, typer.Argument(help="Number of the cell in it.")],
    label: Annotated[str, typer.Argument(help="What it is.")],
    db: Database = None,
    session: Session = None,
    by: By = None,
) -> None:
    """Name one cell."""
    label = _label_meant(label)
    with opened_to_name(db) as (reader, writer):
        try:
            writer.relabel(reader.session(session).id, field, cell, label, reviewer(by), _now())
        except ValueError as error:
            raise typer.BadParameter(f"there is no cell {cell} in field {field}") from error
    typer.echo(f"field {field} cell {cell}: {label}")


@review_app.command()
def undo(db: Database = None, session: Session = None, by: By = None) -> None:
    """Take the last change back; it stays in the log."""
    with opened_to_name(db) as (reader, writer):
        last = writer.undo(reader.session(session).id, reviewer(by), _now())
    if last is None:
        typer.echo("Nothing is left to undo.")
    else:
        typer.echo(f"field {last.field} cell {last.cell}: {last.after} is {last.before} again")


@review_app.command()
def approve(db: Database = None, session: Session = None, by: By = None) -> None:
    """Approve a session as it stands; the report then says by whom and when, and whether labels were changed since."""
    from hemato_edge.errors import StoreError
    from hemato_edge.store.records import RUNNING

    with opened_to_name(db) as (reader, writer):
        record = reader.session(session)
        if record.state == RUNNING:
            raise StoreError(f"Session {record.id} still runs.", "Approve it when it has ended.")
        writer.approve(record.id, reviewer(by), _now())
    typer.echo(f"session {record.id} is approved by {reviewer(by)}")


@review_app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    db: Database = None,
    session: Session = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the N least certain.")] = None,
) -> None:
    """Write the cells as one folder a class: move a picture to relabel it, then `review import DIR`."""
    from hemato_edge.views.images.class_folders import export_cells

    with open_reader(db) as reader:
        record = reader.session(session)
        cells = reader.counted(record.id) if limit is None else iter(reader.doubtful(record.id, limit))
        written = export_cells(reader, record, cells, folder)
    typer.echo(f"{written} cells in {folder}. Move pictures between its folders, then `review import {folder}`.")


@review_app.command(name="import")
def import_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `review export` wrote.")],
    db: Database = None,
    session: Session = None,
    by: By = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Pictures that were not moved count as confirmed by you.")
    ] = False,
) -> None:
    """Read back what was moved in a folder of cells."""
    from hemato_edge.views.images.class_folders import read_folder

    with opened(db) as (reader, writer):
        record = reader.session(session)
        names = {(cell.field, cell.number): cell for cell in reader.cells(record.id)}
        found = read_folder(record, folder)
        known = [(names[place.field, place.cell], place) for place in found if (place.field, place.cell) in names]
        wanted = [place for cell, place in known if cell.name != place.label or (confirm and cell.relabelled is None)]
        for place in wanted:
            writer.relabel(record.id, place.field, place.cell, place.label, reviewer(by), _now())
    moved = sum(cell.name != place.label for cell, place in known)
    typer.echo(f"{moved} cells relabelled, {len(wanted) - moved} confirmed, of {len(found)}.")


@review_app.command(name="training-set")
def training_set(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data directory, new or with other sets in it.")],
    db: Database = None,
    session: Session = None,
) -> None:
    """Add the cells that a person named to DIR/reviewed, which `train --data DIR` reads."""
    from hemato_edge.views.images.class_folders import export_training

    with open_reader(db) as reader:
        record = reader.session(session)
        named = [cell for cell in reader.counted(record.id) if cell.relabelled is not None]
        if not named:
            following = f"Next: hemato-edge review --session {record.id}"
            typer.echo(f"Nobody has named a cell of session {record.id}. {following}")
            return
        written = export_training(reader, named, folder)
    typer.echo(
        f"{written} new cells in {folder}/reviewed. "
        f"Next: hemato-edge train classify --data {folder} --out runs/reviewed"
    )


@review_app.command()
def prune(
    db: Database = None,
    session: Session = None,
    by_settings: Annotated[
        bool, typer.Option("--by-settings", help="Of all sessions, what the settings `portraits.*` do not keep.")
    ] = False,
) -> None:
    """Remove the pictures of a session's cells; counts, labels and changes stay. Works on a full disk, too.

    The room is given back to the disk; the file of an older version uses it again for later records.
    """
    if by_settings and session is not None:
        raise typer.BadParameter("--by-settings is for all sessions: give it or --session")
    with opened(db, to_prune=True) as (reader, writer):
        done = writer.prune_by(_retention()) if by_settings else writer.prune_portraits(reader.session(session).id)
    later = ""
    if done.waiting:
        later = (
            f" {done.waiting} more are too old by the clock, which may be wrong: of all pictures at most a tenth goes"
            " because of age in a day that the device is on."
        )
    typer.echo(f"{done.pictures} pictures removed.{later}")


def _retention() -> Retention:
    from hemato_edge.settings import load_settings
    from hemato_edge.store.write.retention import Retention

    return Retention(**load_settings().portraits.model_dump())


@contextmanager
def opened(db: Path | None, *, to_prune: bool = False) -> Iterator[tuple[Reader, Writer]]:
    """The database to read and to write. The writer first: it migrates an older one, and then the reader sees that."""
    from hemato_edge.store.writer import open_writer

    path = database_path(db)
    if not to_prune or not path.exists():  # a reader, too, needs some room on the disk
        open_reader(path).close()  # a database that is not there is told, not made
    with open_writer(path, key=chain_key(), to_prune=to_prune) as writer, open_reader(path) as reader:
        yield reader, writer


@contextmanager
def opened_to_name(db: Path | None) -> Iterator[tuple[Reader, Naming]]:
    """As `opened`; where a run writes the database, names go through its door."""
    from hemato_edge.store.file.lock import InUseError

    with ExitStack() as stack:
        try:
            pair: tuple[Reader, Naming] = stack.enter_context(opened(db))
        except InUseError as error:
            from hemato_edge.cli.records.names_at_door import names_at_door

            naming = stack.enter_context(names_at_door(database_path(db), error))
            pair = (stack.enter_context(open_reader(db)), naming)
        yield pair


def _label_meant(text: str) -> str:
    """The label that is meant, in any of its spellings.

    Raises:
        typer.BadParameter: it is none; the nearest is named.
    """
    found = named_class(text)
    if found is not None:
        return found.name
    near = suggested(text, kinds=False)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(REVIEW_LABELS)}"
    raise typer.BadParameter(f"{text!r} is no class of cells; {hint}")


def reviewer(by: str | None) -> str:
    """Who reviews: the given name, else that of the login."""
    import getpass

    if by is not None and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no login, no entry in the password file: as in a container
        return "unknown"


def _now() -> datetime:
    return datetime.now(timezone.utc)
