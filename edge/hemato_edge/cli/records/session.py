"""`hemato-edge session`: name, comment and control slide of what is recorded, and its deletion."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.records.report import Database, Session
from hemato_edge.cli.records.review import By, opened, opened_to_name, reviewer
from hemato_edge.errors import StoreError
from hemato_edge.store.records import RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.writer import Writer

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `session`."""
    root.add_typer(app, name="session")


@app.command()
def rename(
    words: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="The new name; before it the ID, if it is not the last session."),
    ],
    db: Database = None,
    session: Session = None,
    by: By = None,
) -> None:
    """Give a session another name. What it was recorded under stays in its chain."""
    session, label = _said(words, session)
    if session is None and label.isdecimal():
        raise typer.BadParameter(f"is {label} a session or a name? Say both: session rename ID {label}")
    number = _describe(db, session, by, label=label)
    typer.echo(f"session {number} is called {label!r}")


@app.command()
def comment(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT",
            help="Printed on its report; an empty text removes it. Before it the ID, if it is not the last session.",
        ),
    ],
    db: Database = None,
    session: Session = None,
    by: By = None,
) -> None:
    """Write a comment on a session."""
    session, text = _said(words, session)
    number = _describe(db, session, by, comment=text)
    typer.echo(f"session {number}: comment written")


@app.command()
def delete(
    session: Annotated[int, typer.Argument(help="Its number.", metavar="ID")],
    why: Annotated[str, typer.Option(help="The reason; it stays in the database.")],
    db: Database = None,
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a session with its pictures, for good. Its number, the time, the reason and who deleted it stay.

    `db check` verifies that trace. Backups, copies of an older version and what was sent elsewhere are not touched.
    """
    if not why.strip():
        raise typer.BadParameter("say why", param_hint="--why")
    with _opened_alone(db) as (reader, writer):
        record, totals = reader.session(session), reader.totals(session)
        if record.state == RUNNING:  # of another program on a network disk, where a lock tells nothing
            raise StoreError(f"Session {session} is running.", "End it first.")
        when = record.started_utc.isoformat(" ", "minutes").removesuffix("+00:00")
        what = f"session {session} ({record.label!r}, {when} UTC, {totals.wbc} white cells)"
        if not yes:
            typer.confirm(f"Delete {what} for good?", abort=True)
        writer.delete_session(session, reviewer(by), why.strip(), datetime.now(timezone.utc))
    typer.echo(f"deleted: {what}")


@app.command()
def control(
    session: Annotated[int, typer.Argument(metavar="ID", help="Its number.")],
    lot: Annotated[str, typer.Argument(help="Lot of the control slide; an empty text: it is none after all.")],
    db: Database = None,
    by: By = None,
) -> None:
    """Mark a session as one of a control slide, which `qc` follows over time."""
    from hemato_edge.store.recorded_settings import lot_named

    lot = lot and lot_named(lot)
    _describe(db, session, by, control=lot)
    typer.echo(f"session {session} is of {f'the control slide {lot!r}' if lot else 'no control slide'}")


def _said(words: list[str], session: int | None) -> tuple[int | None, str]:
    """The session, None for the last one, and the text."""
    if len(words) == 1:
        return session, words[0]
    if len(words) == 2 and words[0].isdecimal() and session is None:
        return int(words[0]), words[1]
    raise typer.BadParameter('say a session\'s number, if it is not the last one, and one text in quotes: 3 "sample 7"')


@contextmanager
def _opened_alone(db: Path | None) -> Iterator[tuple[Reader, Writer]]:
    """As `opened`; where a run writes the database, it is said why that must end first."""
    from hemato_edge.store.file.lock import InUseError

    with ExitStack() as stack:
        try:
            pair = stack.enter_context(opened(db))
        except InUseError as error:
            raise InUseError(
                f"{error.message} A deletion writes over all that it deletes, which would hold the count up.",
                "Delete it when the count has ended; a name or a comment can be changed now.",
            ) from error
        yield pair


def _describe(db: Path | None, session: int | None, by: str | None, **said: str) -> int:
    with opened_to_name(db) as (reader, naming):
        number = reader.session(session).id
        naming.describe(number, reviewer(by), datetime.now(timezone.utc), said)
    return number
