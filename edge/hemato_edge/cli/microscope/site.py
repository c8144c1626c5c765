"""`hemato-edge site`: how right the program is on this microscope, kept in its calibration profile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.microscope.site_adapt import adapt
from hemato_edge.cli.microscope.site_desk import Desk, ProfileName, Sessions, tell
from hemato_edge.cli.records.report import AsJson, Database, open_reader
from hemato_edge.cli.records.review import By, opened, reviewer
from hemato_edge.cli.records.review_keys import walk
from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.store.records import SessionRecord

site_app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `site`."""
    root.add_typer(site_app, name="site")


site_app.command()(adapt)


@site_app.command()
def verify(
    profile: ProfileName = None,
    cells: Annotated[int, typer.Option(min=50, max=200, metavar="N", help="How many cells are to be named.")] = 100,
    db: Database = None,
    session: Sessions = None,
    by: By = None,
    ask: Annotated[
        bool | None, typer.Option("--ask/--no-ask", help="Ask for the cells that tell most; else only in a terminal.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name the cells that are asked for, by one key each; then see how right the program was.

    The program's own answers are not shown meanwhile. A second reader (--by) gets the same cells again.
    """
    from hemato_edge.pipeline.commands.verification import verify_microscope

    desk = Desk(profile)
    records = desk.sessions(db, session or [])
    if sys.stdin.isatty() and not as_json if ask is None else ask:
        _ask(db, records, cells, reviewer(by))
    with open_reader(db) as reader:
        verified = verify_microscope(reader, records, desk.folder, desk.name)
    tell(verified, as_json=as_json)


@site_app.command("ask")
def ask_for_cells(
    profile: ProfileName = None,
    cells: Annotated[int, typer.Option(min=50, max=200, metavar="N", help="How many cells are to be named.")] = 100,
    db: Database = None,
    session: Sessions = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """List the cells that tell most and that you have not named yet, for another view than the terminal."""
    from hemato_edge.site.asking import cells_to_name

    desk = Desk(profile)
    records = desk.sessions(db, session or [])
    with open_reader(db) as reader:
        asked, _ = cells_to_name(reader, records, cells, reviewer(by))
    places = [{"session": cell.session, "field": cell.field, "cell": cell.number} for cell in asked]
    if as_json:
        typer.echo(json_text({"cells": places}, indent=1))
        return
    for place in places:
        typer.echo(f"session {place['session']} field {place['field']} cell {place['cell']}")


@site_app.command()
def show(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """What is known of the microscope."""
    desk = Desk(profile)
    tell(desk.folder.load(desk.name), as_json=as_json)


@site_app.command()
def remove(
    profile: ProfileName = None,
    head_only: Annotated[
        bool, typer.Option("--head-only", help="Only the head of the site's own; the shipped answers stand again.")
    ] = False,
) -> None:
    """Forget what was verified and adapted; what sessions recorded of it stays with them."""
    from hemato_edge.errors import CalibrationError
    from hemato_edge.site.parts import SitePart

    desk = Desk(profile)
    kept = desk.folder.load(desk.name)
    if kept.site is None or (head_only and kept.site.head is None):
        what = "no head of its own" if head_only else "no verification"
        raise CalibrationError(f"The profile {desk.name} has {what}.", "Make one with `hemato-edge site`.")
    shipped = kept.site.shipped
    left = SitePart(verification=shipped) if head_only and shipped is not None else None
    desk.folder.save(kept.with_site(left))
    typer.echo(f"profile {desk.name}: {'the head of its own' if head_only else 'verification and head'} removed")


def _ask(db: Path | None, records: list[SessionRecord], wanted: int, who: str) -> None:
    """Let a person name the cells that tell most."""
    from rich.console import Console

    from hemato_edge.site.asking import cells_to_name

    with opened(db) as (reader, writer):
        asked = {cell.place for cell in cells_to_name(reader, records, wanted, who)[0]}
        counted = (cell for record in records for cell in reader.counted(record.id))
        queue = [cell for cell in counted if (cell.session, cell.field, cell.number) in asked]
        walk(Console(highlight=False, stderr=True), reader, writer, queue, who, blind=True)
