"""What the workstation's commands share: the check for their extra, their options, and how figures are shown.

Nothing of the extra is imported before a command is called: a device has neither TensorFlow nor these packages.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.errors import MissingExtraError
from hemato_edge.escaped import json_text
from hemato_edge.labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from hemato_training.metrics.classification import Figures

_BETWEEN = 3
"""Letters of a column besides its text: two blanks and a line."""
EXTRA = ("keras", "tensorflow", "sklearn", "matplotlib", "jinja2")
"""What `hemato-edge[train]` brings."""
Data = Annotated[Path, typer.Option(help="Directory with one folder per data set (pbc, bccd).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Cache = Annotated[Path | None, typer.Option(help="Folder in which crops are kept between calls.")]


def require_extra(names: Sequence[str] = EXTRA) -> None:
    """Check that the workstation's dependencies can be imported: all of them, or those that a lighter command needs.

    Raises:
        MissingExtraError: naming the first that cannot.
    """
    from hemato_edge.models.engines.tflite import native_lines_to_log

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else TensorFlow greets on every start
    for name in names:
        try:
            with native_lines_to_log(logging.DEBUG):
                module = importlib.import_module(name)
                if name == "tensorflow":
                    module.config.list_physical_devices()  # says once that there is no CUDA, in the middle of a table
        except ImportError as error:
            raise MissingExtraError(
                f"This command needs {name}, which is not installed.", "Type `pip install 'hemato-edge[train]'`."
            ) from error


def console(*, stderr: bool = False) -> Console:
    """Where a person reads: results on standard output, messages on standard error."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json_text(value, indent=1) + "\n")


def tell_lacking(bundle: Path) -> None:
    """Report on standard error the parts that a new bundle is missing, see `hemato_convert.lacking`."""
    from hemato_convert.lacking import lacking

    for line in lacking(bundle):
        console(stderr=True).print(line, markup=False, soft_wrap=True)


def percent(share: float) -> str:
    """A share of one, as a percentage with one decimal."""
    return f"{100 * share:.1f}"


def show_table(headings: Sequence[str], body: Sequence[Sequence[str]], title: str) -> None:
    """Print a column of names and columns of figures, below each other as several tables where the screen is narrow."""
    from rich.table import Table

    screen = console()
    widths = [max(map(len, column)) + _BETWEEN for column in zip(headings, *body, strict=True)]
    parts: list[list[int]] = [[]]
    for column in range(1, len(headings)):
        if parts[-1] and widths[0] + sum(widths[one] for one in (*parts[-1], column)) >= screen.width:
            parts.append([])
        parts[-1].append(column)
    for part in parts:
        shown = Table(title=title if part is parts[0] else None)
        for column in (0, *part):
            shown.add_column(
                headings[column], justify="right" if column else "left", min_width=widths[column] - _BETWEEN
            )
        for row in body:
            shown.add_row(*(row[column] for column in (0, *part)))
        screen.print(shown)


def show_figures(figures: Mapping[str, Figures], title: str) -> None:
    """One table of the sets, and one of the classes over all cells."""
    from rich.table import Table

    screen = console()
    table = Table(title=title)
    for column in ("set", "cells", "accuracy %", "balanced %", "macro F1 %", "ECE %", "answered %", "wrong of these %"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, f in figures.items():
        shares = (f.accuracy, f.balanced_accuracy, f.macro.f1, f.ece, f.accepted, f.accepted_error)
        table.add_row(name, str(f.cells), *map(percent, shares))
    screen.print(table)
    last = list(figures.values())[-1]
    classes = Table(title="all cells")
    for column in ("class", "cells", "precision %", "recall %", "F1 %"):
        classes.add_column(column, justify="left" if column == "class" else "right")
    for label, c in last.per_class.items():
        classes.add_row(label, str(c.support), *map(percent, (c.precision, c.recall, c.f1)))
    screen.print(classes)
    confusion = Table(title="truth (rows) and answer (columns)")
    confusion.add_column("", no_wrap=True)
    for label in last.per_class:
        confusion.add_column(BY_NAME[label].short, justify="right")
    for label, row in zip(last.per_class, last.confusion, strict=True):
        confusion.add_row(label, *(str(count) if count else "·" for count in row))
    screen.print(confusion)
