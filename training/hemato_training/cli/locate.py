"""The locator's side of `hemato-edge train` and `hemato-edge convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from hemato_training.cli.workstation import console, percent, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hemato_convert.locate import LocatorConversion
    from hemato_training.metrics.detection import KindFigures

TASK = "locate"
_SETTINGS = {
    "alpha": "alpha",
    "weights": "weights",
    "epochs": "epochs",
    "batch": "batch",
    "learning_rate": "learning_rate",
    "strength": "strength",
    "oversample": "oversample",
    "average": "average",
    "keep": "keep",
    "per_class": "limit",
    "seed": "seed",
    "workers": "workers",
}
"""Options of `train` that mean something for a locator → their setting."""
_OTHERS = {"data", "out", "task", "resume", "as_json"}


def train_locator(context: typer.Context) -> None:
    """`hemato-edge train --task locate`: the options that were typed, over the locator's own defaults.

    Raises:
        typer.BadParameter: for an option that has no meaning for a locator.
    """
    from hemato_training.data.field_sets import FIELD_SETS
    from hemato_training.locate.fit import LocateSettings
    from hemato_training.locate.fit import train_locator as run_training
    from hemato_training.progress import Screen

    options = context.params
    typed = _typed(context)
    there = tuple(name for name in FIELD_SETS if (options["data"] / name).is_dir())
    settings = LocateSettings(data=options["data"], out=options["out"], sets=there or tuple(FIELD_SETS), **typed)
    console(stderr=True).print(f"fields of {', '.join(settings.sets)}")
    try:
        outcome = run_training(settings, resume=options["resume"], reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print(f"Stopped. `hemato-edge train … --out {settings.out} --resume` goes on.")
        raise typer.Exit(130) from None
    if options["as_json"]:
        print_json(outcome.as_json())
        return
    _show_precisions(outcome.figures, f"{outcome.model}, epoch {outcome.epoch}, val, AP50 in %")
    screen = console(stderr=True)
    screen.print(f"{outcome.multiply_adds / 1e9:.2f} G multiply-adds a window")
    screen.print(f"Next: hemato-edge convert {settings.out} --out locator.tflite --data {settings.data}")


def convert_locator(context: typer.Context) -> None:
    """`hemato-edge convert` of a locator's run: the options that were typed, over the locator's own defaults."""
    from hemato_convert.locate import convert_locator as run_conversion
    from hemato_training.progress import Screen

    options = context.params
    chosen = {name: options[name] for name in ("representative", "name") if _was_typed(context, name)}
    conversion = run_conversion(options["run"], options["out"], options["data"], **chosen, reporter=Screen())
    if options["as_json"]:
        print_json(conversion.as_json())
    else:
        _show_conversion(conversion)


def _typed(context: typer.Context) -> dict[str, Any]:
    """Setting → value of the options that a person typed."""
    typed = {name: value for name, value in context.params.items() if name not in _OTHERS and _was_typed(context, name)}
    for name in typed:
        if name not in _SETTINGS:
            option = name.replace("_", "-")
            raise typer.BadParameter(f"--{option} has no meaning with --task {TASK}.", param_hint="train")
    return {_SETTINGS[name]: int(value) if name == "oversample" else value for name, value in typed.items()}


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
