"""`hemato-edge train caution`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Cache, Data, Json, console, percent, print_json, require_extra


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(caution)


def caution(
    bundle: Annotated[Path, typer.Argument(help="A .tflite classifier with an embedding.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")],
    data: Data,
    lower: Annotated[float, typer.Option(help="What labels that only one laboratory has lose of their logit.")] = 2.0,
    slope: Annotated[float, typer.Option(help="How fast cells that look unknown lose confidence; 0: not.")] = 0.3,
    least: Annotated[float, typer.Option(help="The rejection threshold is not lower.")] = 0.0,
    left_out: Annotated[
        Path | None,
        typer.Option(
            help="File of answers in left-out laboratories, of networks with the same caution; for the threshold."
        ),
    ] = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Lower a classifier's confidence where it may not know: the network stays as it is.

    A class that only one laboratory has is answered less readily, and so is a cell that looks like drawn blasts,
    smudge cells and overlapping cells. Temperature, threshold and accuracy on the card are measured again.
    """
    require_extra()
    from hemato_convert.caution import CautionPlan, add_caution
    from hemato_training.progress import Screen

    plan = CautionPlan(lower=lower, slope=slope, least=least)
    card = add_caution(bundle, data, out, plan, left_out=left_out, cache=cache, reporter=Screen())
    if as_json:
        print_json({"model": str(out), "accuracy": [one.model_dump() for one in card.accuracy]})
        return
    shares = ", ".join(f"{one.data} {percent(one.int8_accuracy)} %" for one in card.accuracy)
    console().print(f"{out}: {bundle} with caution. int8 on held-out cells: {shares}.")
    console(stderr=True).print(f"Next: hemato-edge evaluate {out} --data DATA")
