"""`hemato-edge train compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.errors import ConfigurationError
from hemato_training.cli.workstation import Cache, Data, Json, console, print_json, require_extra

if TYPE_CHECKING:
    from collections.abc import Callable


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(compare)


def compare(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the comparison; one folder an architecture goes into it.")],
    arch: Annotated[
        list[str],
        typer.Option(
            help="May be repeated: mobilenet_v2, efficientnet_b0, resnet50, inception_v3, simple_cnn, features+svm, "
            "features+tree, features+forest, features+knn."
        ),
    ],
    laboratory: Annotated[
        list[str] | None,
        typer.Option(
            help="Data set under --data to learn from; may be repeated. unless named, pbc and bccd, or your own."
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="ARCH=imagenet or ARCH=FILE; may be repeated. The others learn from nothing."),
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the input, 64 to 224 pixels.")] = 96,
    alpha: Annotated[float, typer.Option(help="Width of MobileNetV2, 0.35 to 1.0.")] = 1.0,
    epochs: Annotated[int, typer.Option(help="Epochs with all layers learning.")] = 10,
    batch: Annotated[int, typer.Option(help="Images a step.")] = 32,
    strength: Annotated[float, typer.Option(help="Strength of the augmentation, 0 to 1.")] = 0.6,
    oversample: Annotated[float, typer.Option(help="How often a BCCD cell comes per PBC cell.")] = 6.0,
    average: Annotated[float, typer.Option(help="Momentum of the weights' moving average, 0 for none.")] = 0.98,
    per_class: Annotated[int, typer.Option(help="At most so many cells a class, for trying out; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    workers: Annotated[int, typer.Option(help="Threads that augment.")] = 2,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Train several architectures on one split and show them side by side.

    Writes compare.json and compare.md into --out. Called again with the same options it goes on where it was stopped.
    """
    require_extra()
    from hemato_training.classify.compare import compare as run_comparison
    from hemato_training.classify.compare import table
    from hemato_training.data.chosen_sets import chosen_sets
    from hemato_training.progress import Screen
    from hemato_training.runs.schedule import Settings

    screen = Screen()
    data, names = chosen_sets(data, laboratory)
    settings = Settings(
        data=data,
        laboratories=names,
        out=out,
        size=size,
        alpha=alpha,
        epochs=epochs,
        batch=batch,
        strength=strength,
        oversample=oversample,
        average=average,
        per_class=per_class,
        seed=seed,
        workers=workers,
        keep="last",
    )
    try:
        comparison = run_comparison(
            settings,
            arch,
            _converter(data, cache or out / "cells"),
            weights=_by_name(weights or []),
            cache=cache,
            reporter=screen,
        )
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped. The same command goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(comparison.as_json())
        return
    from rich.table import Table

    headings, body = table(comparison)
    shown = Table(title=f"{comparison.rows[0].cells} validation cells, {size} px")
    for heading in headings:
        shown.add_column(heading, justify="left" if heading == "architecture" else "right")
    for row in body:
        shown.add_row(*row)
    console().print(shown)


def _by_name(weights: list[str]) -> dict[str, str]:
    """["mobilenet_v2=FILE"] → {"mobilenet_v2": "FILE"}."""
    pairs = [entry.partition("=") for entry in weights]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise ConfigurationError(
                f"--weights {name}{sign}{value} names no architecture.", "Write --weights ARCH=FILE."
            )
    return {name: value for name, _, value in pairs}


def _converter(data: Path, cache: Path) -> Callable[[Path, Path], object]:
    from hemato_convert.convert import convert
    from hemato_training.progress import Screen

    return lambda run, bundle: convert(run, bundle, data, cache=cache, min_agreement=0.0, reporter=Screen())
