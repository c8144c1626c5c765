"""`hemato-edge session`: the name and the comment of what is recorded."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.report import Database, Session
from hemato_edge.cli.review import By, opened, reviewer

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `session`."""
    root.add_typer(app, name="session")


@app.command()
def rename(
    label: Annotated[str, typer.Argument(help="The new name of the sample.")],
    db: Database = None,
    session: Session = None,
    by: By = None,
) -> None:
    """Give a session another name. What it was recorded under stays in its chain."""
    number = _describe(db, session, by, label=label)
    typer.echo(f"session {number} is called {label!r}")


@app.command()
def comment(
    text: Annotated[str, typer.Argument(help="What is printed on its report; an empty text removes it.")],
    db: Database = None,
    session: Session = None,
    by: By = None,
) -> None:
    """Write a comment on a session."""
    number = _describe(db, session, by, comment=text)
    typer.echo(f"session {number}: comment written")


def _describe(
    db: Path | None, session: int | None, by: str | None, label: str | None = None, comment: str | None = None
) -> int:
    with opened(db) as (reader, writer):
        number = reader.session(session).id
        writer.describe(number, reviewer(by), datetime.now(timezone.utc), label=label, comment=comment)
    return number
