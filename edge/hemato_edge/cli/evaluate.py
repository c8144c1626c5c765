"""`hemato-edge evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_edge.cli.workstation import Cache, Data, Json, print_json, require_extra, show_figures


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    model: Annotated[Path, typer.Argument(help="A .keras model or a .tflite bundle.")],
    data: Data,
    split: Annotated[str, typer.Option(help="train or val.")] = "val",
    laboratory: Annotated[
        list[str] | None, typer.Option(help="Data set to judge on; may be repeated. pbc and bccd unless named.")
    ] = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Accuracy, precision, recall, F1 and confusion of a model on held-out cells."""
    require_extra()
    from hemato_training.evaluation import evaluate as run_evaluation
    from hemato_training.progress import Screen

    evaluation = run_evaluation(
        model,
        data,
        cache or Path("runs") / "cells",
        split=split,
        laboratories=tuple(laboratory or ("pbc", "bccd")),
        reporter=Screen(),
    )
    if as_json:
        print_json(evaluation.as_json())
    else:
        show_figures({**evaluation.laboratories, "all": evaluation.overall}, f"{model}, {split}")
