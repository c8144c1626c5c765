"""Cells one by one in a terminal, one key a cell."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import typer

from hemato_edge.errors import HematoEdgeError
from hemato_edge.labels import BY_NAME
from hemato_edge.morphology import in_words

if TYPE_CHECKING:
    from rich.console import Console

    from hemato_edge.cli.records.names_at_door import Naming
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord

KEYS = {one.key: one.name for one in BY_NAME.values()}
"""Key → what the cell is called."""
KEY_HELP = " · ".join(f"{one.key} {one.words}" for one in BY_NAME.values())
"""The keys in words."""
QUIT = ("q", "\x03", "\x04", "\x1b")
_HELP = f"{KEY_HELP}\ny the first guess is right · s skip · z undo · q quit"
_BLIND_HELP = f"{KEY_HELP}\ns skip · z undo · q quit"


class TerminalError(HematoEdgeError):
    """Cells are walked through key by key, and standard input is no terminal."""


def walk(
    screen: Console, reader: Reader, writer: Naming, queue: list[CellRecord], who: str, *, blind: bool = False
) -> int:
    """Show cell after cell and do what the keys say; how many were named at the end.

    Args:
        screen: where they are shown.
        reader: of the database.
        writer: of the same.
        queue: the cells.
        who: names them.
        blind: do not show what the program, or another person, called them.
    """
    named: list[int] = []
    at = 0
    while at < len(queue):
        cell = queue[at]
        _show(screen, reader, cell, f"{at + 1} of {len(queue)}", blind=blind)
        key = pressed("Type `review export DIR`, or `review relabel`.")
        if key in QUIT:
            break
        if key == "z":
            if named:
                at = named.pop()
                writer.undo(queue[at].session, who, datetime.now(timezone.utc))
        elif key == "s":
            at += 1
        elif (key == "y" and not blind) or key in KEYS:
            label = KEYS.get(key, cell.best)
            writer.relabel(cell.session, cell.field, cell.number, label, who, datetime.now(timezone.utc))
            screen.print(f"→ {BY_NAME[label].words}")
            named.append(at)
            at += 1
        else:
            screen.print(f"[bold]{key!r} means nothing here.[/bold]")
    return len(named)


def pressed(otherwise: str) -> str:
    """The key that was pressed, in lower case.

    Args:
        otherwise: what to do where there is no terminal.

    Raises:
        TerminalError: there is none.
    """
    import termios

    try:
        return typer.getchar().lower()
    except (OSError, EOFError, termios.error) as error:
        raise TerminalError("There is no terminal to press keys in.", otherwise) from error


def _show(screen: Console, reader: Reader, cell: CellRecord, place: str, *, blind: bool) -> None:
    screen.rule(f"{place}: field {cell.field}, cell {cell.number}")
    show_picture(screen, reader, cell)
    if not blind:
        screen.print(answer(cell))
    screen.print(_BLIND_HELP if blind else _HELP, style="dim")


def show_picture(screen: Console, reader: Reader, cell: CellRecord) -> None:
    """The picture of a cell, drawn with characters where the screen is a terminal."""
    from hemato_edge.views.images.terminal_image import cell_preview

    portrait = reader.portrait(cell.session, cell.field, cell.number)
    if portrait is None:
        screen.print("(no picture of it was kept)")
    elif screen.is_terminal:
        screen.print(cell_preview(portrait.jpeg), end="")


def answer(cell: CellRecord) -> str:
    """What a cell is called, the three most likely classes, and the attributes of which the model was sure."""
    likely = sorted(cell.probabilities.items(), key=lambda item: -item[1])[:3]
    guesses = ", ".join(f"{BY_NAME[label].words} {100 * share:.0f} %" for label, share in likely)
    words = in_words(cell.attributes, shares=True)
    return f"{BY_NAME[cell.name].words} ({guesses}){f': {words}' if words else ''}"
