"""`hemato-edge train compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemato_edge.errors import ConfigurationError
from hemato_training.cli.options import with_options
from hemato_training.cli.workstation import Cache, Json, console, print_json, require_extra, show_table
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


_OFFERED = frozenset(
    (
        *("data", "out", "laboratories", "size", "alpha", "epochs", "batch", "strength", "oversample", "average"),
        *("label_smoothing", "per_class", "seed", "workers"),
    )
)
"""Settings that all architectures of a comparison have in common."""
_DEFAULTS: dict[str, object] = {"size": 96, "average": 0.98}


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command()(with_options(compare, Settings, only=_OFFERED, defaults=_DEFAULTS))


def compare(
    values: dict[str, Any],
    arch: Annotated[
        list[str],
        typer.Option(
            help="May be repeated: mobilenet_v2, efficientnet_b0, resnet50, inception_v3, vgg16, densenet121, "
            "simple_cnn, features+svm, features+tree, features+forest, features+knn."
        ),
    ],
    weights: Annotated[
        list[str] | None,
        typer.Option(help="ARCH=imagenet or ARCH=FILE; may be repeated. The others learn from nothing."),
    ] = None,
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

    screen = Screen()
    data, names = chosen_sets(values["data"], values.get("laboratories"))
    settings = Settings(**{**values, "data": data, "laboratories": names, "keep": "last"})
    try:
        comparison = run_comparison(
            settings,
            arch,
            _converter(data, cache or settings.out / "cells"),
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
    show_table(*table(comparison), f"{comparison.rows[0].cells} validation cells, {settings.size} px")


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
    from hemato_convert.settings import ConversionSettings
    from hemato_training.progress import Screen

    settings = ConversionSettings(min_agreement=0.0)
    return lambda run, bundle: convert(run, bundle, data, settings, cache=cache, reporter=Screen())
