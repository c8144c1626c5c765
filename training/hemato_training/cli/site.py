"""`hemato-edge train site`, also as `train --site DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Cache, Data, Json, console, percent, print_json, require_extra, tell_lacking


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(site)


def site(
    folder: Annotated[Path, typer.Argument(help="Single-cell pictures of your own in folders named after classes.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="The bundle to write, ending in .tflite.")],
    model: Annotated[Path | None, typer.Option(help="Bundle to begin with; without it the one that ships.")] = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Make the classifier a site's own: its last blocks learn from 25 to 100 named cells, mixed with cells of home.

    One bundle comes of it, converted and verified, with its own card. Every fourth cell is held out to judge by.
    """
    require_extra()
    from hemato_convert.site import train_for_site
    from hemato_edge.models.bundle import shipped_classifier
    from hemato_training.progress import Screen

    made = train_for_site(folder, data, out, model or shipped_classifier(), cache=cache, reporter=Screen())
    tell_lacking(out)
    figures = made.conversion.judged.int8_figures
    if as_json:
        print_json(
            {
                "path": str(out),
                "held_out": made.held_out,
                "before": made.before,
                "after": made.after,
                "laboratories": {name: {"cells": f.cells, "int8_accuracy": f.accuracy} for name, f in figures.items()},
            }
        )
        return
    screen = console()
    screen.print(f"{out}: of {made.held_out} held-out cells of {folder} {percent(made.after)} % are called rightly, ")
    screen.print(f"before {percent(made.before)} %. Held-out cells, int8:")
    for name, own in figures.items():
        screen.print(f"  {name}: {percent(own.accuracy)} % of {own.cells}")
    if made.after < made.before:
        screen.print("It is worse than the one that it came from on your cells: do not use it.")
    else:
        console(stderr=True).print(f"Next: set model.path to {out}, then hemato-edge site verify")
