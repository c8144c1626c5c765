"""`hemato-edge train locate`, and the locator's side of `hemato-edge convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemato_training.cli.options import with_options
from hemato_training.cli.workstation import Json, console, percent, print_json, require_extra
from hemato_training.locate.settings import TASK, LocateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hemato_convert.locate import LocatorConversion
    from hemato_training.metrics.detection import KindFigures


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command(name=TASK)(with_options(train_locator, LocateSettings))


def train_locator(
    values: dict[str, Any],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Train the locator, which finds white cells, red cells and platelets in fields with drawn boxes.

    Writes model.keras, metrics.json and run.json into --out. Ctrl-C leaves a run that --resume goes on with.
    """
    require_extra()
    from hemato_training.data.field_sets import FIELD_SETS
    from hemato_training.locate.fit import train_locator as run_training
    from hemato_training.progress import Screen

    there = tuple(name for name in FIELD_SETS if (values["data"] / name).is_dir())
    settings = LocateSettings(**{"sets": there or tuple(FIELD_SETS), **values})
    console(stderr=True).print(f"fields of {', '.join(settings.sets)}")
    try:
        outcome = run_training(settings, resume=resume, reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print(f"Stopped. `hemato-edge train locate … --out {settings.out} --resume` goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(outcome.as_json())
        return
    _show_precisions(outcome.figures, f"{outcome.model}, epoch {outcome.epoch}, val, AP50 in %")
    screen = console(stderr=True)
    screen.print(f"{outcome.multiply_adds / 1e9:.2f} G multiply-adds a window")
    screen.print(f"Next: hemato-edge convert {settings.out} --out locator.tflite --data {settings.data}")


def convert_locator(context: typer.Context, run: Path, out: Path, data: Path, *, as_json: bool) -> None:
    """`hemato-edge convert` of a locator's run: the options that were typed, over the locator's own defaults."""
    from hemato_convert.locate import convert_locator as run_conversion
    from hemato_training.progress import Screen

    chosen = {name: context.params[name] for name in ("representative", "name") if _was_typed(context, name)}
    conversion = run_conversion(run, out, data, **chosen, reporter=Screen())
    if as_json:
        print_json(conversion.as_json())
    else:
        _show_conversion(conversion)


def _was_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _show_precisions(figures: Mapping[str, Mapping[str, float]], title: str) -> None:
    from rich.table import Table

    table = Table(title=title)
    for column in ("set", *next(iter(figures.values()))):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, kinds in figures.items():
        table.add_row(name, *map(percent, kinds.values()))
    console().print(table)


def _show_conversion(conversion: LocatorConversion) -> None:
    from rich.table import Table

    screen = console()
    table = Table(title=f"{conversion.path}, {conversion.bytes / 1e6:.2f} MB, val")
    for column in ("set", "kind", "boxes", "float AP50 %", "int8 AP50 %", "precision %", "recall %", "count error"):
        table.add_column(column, justify="left" if column in ("set", "kind") else "right")
    for name, kinds in conversion.int8_figures.items():
        for floats, figures in zip(conversion.float_figures[name], kinds, strict=True):
            table.add_row(name, *_row(floats, figures))
    screen.print(table)
    scores = ", ".join(f"{score:.2f}" for score in conversion.min_scores)
    screen.print(
        f"Thresholds (white, red, platelet), chosen on training fields: {scores}. "
        f"{conversion.multiply_adds / 1e9:.2f} G multiply-adds a window."
    )


def _row(floats: KindFigures, figures: KindFigures) -> Sequence[str]:
    shares = (floats.ap50, figures.ap50, figures.precision, figures.recall)
    return figures.kind, str(figures.boxes), *map(percent, shares), f"{figures.count_mae:.2f}"
