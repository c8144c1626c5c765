"""`hemato-edge convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemato_convert.settings import ConversionSettings
from hemato_training.cli import locate
from hemato_training.cli.options import with_options
from hemato_training.cli.workstation import Cache, Data, Json, console, percent, print_json, require_extra, tell_lacking

if TYPE_CHECKING:
    from hemato_convert.convert import Conversion


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(with_options(convert, ConversionSettings))


def convert(
    values: dict[str, Any],
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="Folder of a training run, or its model.keras.")],
    out: Annotated[Path, typer.Option(help="The bundle to write, ending in .tflite.")],
    data: Data,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Convert a trained model to a full-int8 bundle with its card, and compare the two."""
    require_extra()
    from hemato_convert.locate import is_locator_run

    if is_locator_run(run):
        locate.convert_locator(context, run, out, data, as_json=as_json)
        return
    from hemato_convert.convert import convert as run_conversion
    from hemato_training.progress import Screen

    conversion = run_conversion(run, out, data, ConversionSettings(**values), cache=cache, reporter=Screen())
    tell_lacking(out)
    if as_json:
        print_json(_conversion_as_json(conversion))
    else:
        _show_conversion(conversion)


def _conversion_as_json(conversion: Conversion) -> dict[str, Any]:
    from dataclasses import asdict

    judged = conversion.judged
    return {
        "path": str(conversion.path),
        "bytes": conversion.bytes,
        "parity": asdict(judged.parity),
        "laboratories": {
            name: {
                "cells": f.cells,
                "float_accuracy": judged.float_figures[name].accuracy,
                "int8_accuracy": f.accuracy,
                "int8_balanced_accuracy": f.balanced_accuracy,
            }
            for name, f in judged.int8_figures.items()
        },
        "temperature": judged.temperature,
        "rejection_threshold": judged.threshold,
        "abroad": None if judged.left_out is None else asdict(judged.left_out),
        "operations": conversion.operations,
        "report": str(conversion.report),
        "picture": str(conversion.picture),
    }


def _show_conversion(conversion: Conversion) -> None:
    from rich.table import Table

    screen = console()
    judged = conversion.judged
    parity = judged.parity
    table = Table(title=f"{conversion.path}, {conversion.bytes / 1e6:.2f} MB")
    for column in ("set", "cells", "float %", "int8 %", "int8 balanced %"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, f in judged.int8_figures.items():
        shares = (judged.float_figures[name].accuracy, f.accuracy, f.balanced_accuracy)
        table.add_row(name, str(f.cells), *map(percent, shares))
    screen.print(table)
    screen.print(
        f"Float and int8 agree on {percent(parity.agreement)} % of {parity.cells} cells; "
        f"a logit differs by {parity.mean_difference:.2f} on average, {parity.max_difference:.2f} at most. "
        f"Temperature {judged.temperature:.2f}; below {judged.threshold:.2f} a cell stays unclassified."
    )
    left_out = judged.left_out
    if left_out is not None:
        kept = "" if left_out.reached else ", the required accuracy is not reached"
        screen.print(f"In laboratories that were left out{kept}:")
        for name, share in left_out.right.items():
            screen.print(f"  {name}: {percent(left_out.answered[name])} % answered, {percent(share)} % of these right")
    screen.print(f"Report: {conversion.report}, worst cells: {conversion.picture}")
    for case in parity.worst:
        if case.float_answer != case.int8_answer:
            screen.print(f"  {case.key}: truth {case.truth}, float {case.float_answer}, int8 {case.int8_answer}")
