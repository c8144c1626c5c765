"""`hemato-edge train average`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Json, console, print_json, require_extra


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(average)


def average(
    run: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of runs, or the .tflite they went on from; the first gives settings, data and looks."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the average, such as runs/soup.")],
    as_json: Json = False,
) -> None:
    """Average the weights of runs that started from the same weights: one model that generalises better than each.

    Judge it with `evaluate` before you use it: runs that went too far apart average to nonsense.
    """
    if len(run) < 2:
        raise typer.BadParameter("Name at least two runs.", param_hint="RUN")
    require_extra()
    from hemato_training.classify.average import average_runs

    model = average_runs(run, out)
    if as_json:
        print_json({"model": str(model), "runs": [str(one) for one in run]})
    else:
        console().print(f"{model}: the mean of {len(run)} runs.")
        console(stderr=True).print(f"Next: hemato-edge evaluate {model} --data DATA")
