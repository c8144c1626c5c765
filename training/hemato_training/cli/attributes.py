"""`hemato-edge train attributes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Cache, Data, Json, console, print_json, require_extra


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(attributes)


def attributes(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a .tflite bundle.")],
    out: Annotated[Path, typer.Option(help="Folder of the result, such as runs/described.")],
    data: Data,
    views: Annotated[int, typer.Option(help="Augmented views of each cell.")] = 6,
    epochs: Annotated[int, typer.Option(help="How often all views are shown.")] = 10,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Train a branch that reads morphological attributes off a run's network; the names stay as they are.

    It learns from the table attributes.csv beside the training cells. `convert --attributes` takes it along.
    """
    require_extra()
    from hemato_training.attributes.learning import Plan, learn_attributes
    from hemato_training.progress import Screen

    plan = Plan(views=views, epochs=epochs, seed=seed)
    branch = learn_attributes(run, data, out, plan, cache=cache, reporter=Screen())
    if as_json:
        print_json({"branch": str(branch)})
    else:
        console().print(f"{branch}: a branch for attributes on the network of {run}.")
        console(stderr=True).print(f"Next: hemato-edge convert {out} --attributes --data DATA --out classifier.tflite")
