"""`hemato-edge train subtypes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli.workstation import Cache, Data, Json, console, percent, print_json, require_extra


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(subtypes)


def subtypes(
    data: Data,
    out: Annotated[Path, typer.Option(help="The bundle to write, ending in .tflite.")],
    model: Annotated[Path | None, typer.Option(help="Bundle to add it to; without it the one that ships.")] = None,
    views: Annotated[int, typer.Option(help="Augmented views of each cell.")] = 6,
    epochs: Annotated[int, typer.Option(help="How often all views are shown.")] = 10,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Add the level below the classes to a bundle: band and segmented neutrophils, stages of granulocytes.

    It learns from the column subcode of pbc's index. All else that the bundle answers stays as it is, bit for bit.
    """
    require_extra()
    from hemato_convert.subtypes import add_subtypes
    from hemato_edge.models.bundle import shipped_classifier
    from hemato_training.attributes.learning import Plan
    from hemato_training.progress import Screen

    plan = Plan(views=views, epochs=epochs, seed=seed)
    card = add_subtypes(model or shipped_classifier(), data, out, plan, cache=cache, reporter=Screen())
    if as_json:
        print_json({"path": str(out), "subtypes": [one.model_dump(mode="json") for one in card.subtypes]})
        return
    screen = console()
    for one in card.subtypes:
        screen.print(
            f"{one.name}, of {one.cells} held-out cells: {percent(one.answered)} % told (confidence {one.least:.2f} or "
            f"more), {percent(one.right)} % of these right"
        )
        for value, row in zip(one.values, one.told, strict=True):
            answers = ", ".join(f"{count} {name}" for name, count in zip((*one.values, "not told"), row, strict=True))
            screen.print(f"  {value}: {answers}")
