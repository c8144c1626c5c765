"""`hemato-edge train second-look`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Cache, Data, Json, console, percent, print_json, require_extra


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(second_look)


def second_look(
    bundle: Annotated[Path, typer.Argument(help="A .tflite classifier.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")],
    data: Data,
    views: Annotated[int, typer.Option(help="2: also mirrored; 4: quarter turns; 8: both; 1: no second look.")] = 4,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Have a classifier look again at cells that it is not sure of: turned and mirrored, the mean decides.

    The network, its temperature and its threshold stay as they are; accuracy on the card is measured again.
    """
    require_extra()
    from hemato_convert.second_look import add_second_look
    from hemato_training.progress import Screen

    card = add_second_look(bundle, data, out, views, cache=cache, reporter=Screen())
    if as_json:
        print_json({"model": str(out), "accuracy": [one.model_dump() for one in card.accuracy]})
        return
    shares = ", ".join(f"{one.data} {percent(one.int8_accuracy)} %" for one in card.accuracy)
    console().print(f"{out}: {bundle} with a second look in {views} views. int8 on held-out cells: {shares}.")
    console(stderr=True).print(f"Next: hemato-edge evaluate {out} --data DATA")
