"""`hemato-edge qc`: control slides over time, drift, and how reviewers agree with the machine."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated

import typer

from hemato_edge.cli.records.report import Database, Out, is_terminal, open_reader, printed_settings, write
from hemato_edge.languages import LANGUAGES

_SESSIONS = re.compile(r"(\d{1,15})(?:-(\d{1,15}))?")
_MOST = 10_000


class Style(str, Enum):
    """How `qc` is written."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"


def register(root: typer.Typer) -> None:
    """Add `qc`."""
    root.command()(qc)


def qc(
    db: Database = None,
    lot: Annotated[str | None, typer.Option(metavar="LOT", help="Only this lot of control slides.")] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="SESSIONS", help="Sessions that the limits come from, such as 3-21,24; else the first."),
    ] = None,
    first: Annotated[int, typer.Option(min=20, metavar="N", help="How many first sessions are the baseline.")] = 20,
    style: Annotated[Style, typer.Option("--format", help="How to write it; html has the charts.")] = Style.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    language: Annotated[
        str | None,
        typer.Option(metavar="CODE", help=f"Of text and html: {', '.join(LANGUAGES)}; else report.language."),
    ] = None,
    out: Out = None,
) -> None:
    """Show control slides against their limits (Westgard), drift of lamp, stain, focus, agreement of reviewers."""
    from hemato_edge.quality_control.lots import BaselineChoice
    from hemato_edge.quality_control.overview import overview

    if language is not None and language not in LANGUAGES:
        raise typer.BadParameter(f"{language!r} is no language of reports; known: {', '.join(LANGUAGES)}")
    spoken = language or printed_settings(None)[1]
    chosen = BaselineChoice(frozenset() if baseline is None else _sessions(baseline), first)
    wanted = Style.JSON if as_json else style
    with open_reader(db) as reader:
        view = overview(reader, lot, chosen)
        path = reader.path
    if wanted is Style.JSON:
        from hemato_edge.views.quality_control.document import document

        text = document(view, str(path))
    elif wanted is Style.HTML:
        from hemato_edge.views.quality_control.page import page

        text = page(view, spoken)
    elif out is None and is_terminal():
        from rich.console import Console

        from hemato_edge.views.quality_control.terminal import terminal_view

        Console(highlight=False).print(terminal_view(view, spoken))
        return
    else:
        from hemato_edge.views.quality_control.words import plain_lines

        text = "\n".join(plain_lines(view, spoken))
    write([text, "\n"], out, path)


def _sessions(text: str) -> frozenset[int]:
    """The numbers in a list such as "3-21,24"."""
    found: set[int] = set()
    for part in text.split(","):
        match = _SESSIONS.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not match or last < first or last - first > _MOST:
            raise typer.BadParameter(f"{text!r} is no list of sessions, such as 3-21,24")
        found |= set(range(first, last + 1))
    return frozenset(found)
