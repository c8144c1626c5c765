"""`hemato-edge train head`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Cache, Data, Json, console, print_json, require_extra


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(head)


def head(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[Path, typer.Option(help="Folder of the result, such as runs/second.")],
    data: Data,
    laboratory: Annotated[
        list[str] | None,
        typer.Option(help="Data set that the second head learns from; may be repeated. pbc unless named."),
    ] = None,
    weight: Annotated[float, typer.Option(help="What its logits count beside the trained ones.")] = 0.5,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Add a second, strongly penalised head to a run's: one model that generalises better and costs the same.

    Judge it with `evaluate` before you use it.
    """
    require_extra()
    from hemato_training.classify.second_head import add_second_head
    from hemato_training.progress import Screen

    names = tuple(laboratory or ("pbc",))
    model = add_second_head(run, data, out, laboratories=names, weight=weight, cache=cache, reporter=Screen())
    if as_json:
        print_json({"model": str(model), "laboratories": list(names), "weight": weight})
    else:
        console().print(f"{model}: {run} with a second head from {', '.join(names)}.")
        console(stderr=True).print(f"Next: hemato-edge evaluate {model} --data DATA")
