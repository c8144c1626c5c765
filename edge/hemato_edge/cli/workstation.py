"""`train`, `convert` and `evaluate`: the workstation's half of the command line.

Nothing of it is imported before a command is called: a device has neither TensorFlow nor these packages.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemato_edge.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from hemato_convert.convert import Conversion
    from hemato_training.figures import Figures

EXTRA = ("keras", "tensorflow", "sklearn", "matplotlib")
"""What `hemato-edge[train]` brings."""
Data = Annotated[Path, typer.Option(help="Directory with one folder per data set (pbc, bccd).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Cache = Annotated[Path | None, typer.Option(help="Folder in which crops are kept between calls.")]
train_app = typer.Typer(help="Train a classifier.", invoke_without_command=True, no_args_is_help=False)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(train_app, name="train")
    app.command()(convert)
    app.command()(evaluate)


def require_extra() -> None:
    """Check that the workstation's dependencies can be imported.

    Raises:
        MissingExtraError: naming the first that cannot.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else TensorFlow greets on every start
    for name in EXTRA:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise MissingExtraError(
                f"This command needs {name}, which is not installed.", "Type `pip install 'hemato-edge[train]'`."
            ) from error


@train_app.callback()
def train(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Directory with one folder per data set (pbc, bccd).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run, such as runs/first.")] = None,
    arch: Annotated[str, typer.Option(help="mobilenet_v2 or efficientnet_b0.")] = "mobilenet_v2",
    size: Annotated[int, typer.Option(help="Side of the input, 64 to 224 pixels.")] = 112,
    alpha: Annotated[float, typer.Option(help="Width of MobileNetV2, 0.35 to 1.0.")] = 1.0,
    weights: Annotated[
        str, typer.Option(help="imagenet (Keras downloads it), none, or a file without top.")
    ] = "imagenet",
    epochs: Annotated[int, typer.Option(help="Epochs with all layers learning.")] = 10,
    head_epochs: Annotated[int, typer.Option(help="Epochs before that with the trunk frozen.")] = 1,
    batch: Annotated[int, typer.Option(help="Images a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 6e-4,
    strength: Annotated[float, typer.Option(help="Strength of the augmentation, 0 to 1.")] = 0.6,
    oversample: Annotated[float, typer.Option(help="How often a BCCD cell comes per PBC cell.")] = 6.0,
    average: Annotated[float, typer.Option(help="Momentum of the weights' moving average, 0 for none.")] = 0.995,
    train_batch_norm: Annotated[
        bool, typer.Option("--train-batch-norm", help="Let batch norm learn too: for training from scratch.")
    ] = False,
    patience: Annotated[int, typer.Option(help="Stop after so many epochs without a better one; 0: never.")] = 0,
    keep: Annotated[str, typer.Option(help="Which epoch to keep: best (on validation) or last.")] = "best",
    per_class: Annotated[int, typer.Option(help="At most so many cells a class, for trying out; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    workers: Annotated[int, typer.Option(help="Threads that augment.")] = 2,
    cache: Cache = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Train a classifier: frozen features first, then all layers.

    Writes model.keras, metrics.json, run.json, curves.png and confusion_*.png into --out. Ctrl-C leaves a run that
    --resume goes on with.
    """
    if context.invoked_subcommand is not None:
        return
    if data is None or out is None:
        raise typer.BadParameter("--data and --out are needed.", param_hint="train")
    require_extra()
    from hemato_training.fit import train as run_training
    from hemato_training.progress import Screen
    from hemato_training.schedule import Settings

    settings = Settings(
        data=data,
        out=out,
        architecture=arch,
        size=size,
        alpha=alpha,
        weights=weights,
        head_epochs=head_epochs,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        strength=strength,
        oversample=oversample,
        average=average,
        train_batch_norm=train_batch_norm,
        patience=patience,
        keep=keep,
        per_class=per_class,
        seed=seed,
        workers=workers,
    )
    try:
        outcome = run_training(settings, resume=resume, cache=cache, reporter=Screen())
    except KeyboardInterrupt:
        _console(stderr=True).print(f"Stopped. `hemato-edge train … --out {out} --resume` goes on.")
        raise typer.Exit(130) from None
    if as_json:
        _print_json(outcome.as_json())
    else:
        _show_figures({**outcome.laboratories, "all": outcome.overall}, f"{outcome.model}, epoch {outcome.epoch}, val")
        _console(stderr=True).print(f"Next: hemato-edge convert {out} --out classifier.tflite --data {data}")


def convert(
    run: Annotated[Path, typer.Argument(help="Folder of a training run, or its model.keras.")],
    out: Annotated[Path, typer.Option(help="The bundle to write, ending in .tflite.")],
    data: Data,
    min_agreement: Annotated[float, typer.Option(help="Least share of cells on which float and int8 agree.")] = 0.98,
    representative: Annotated[int, typer.Option(help="Training crops that the ranges are measured on.")] = 400,
    name: Annotated[str, typer.Option(help="Name of the model, for its card.")] = "hemato-edge classifier",
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Convert a trained model to a full-int8 bundle with its card, and compare the two."""
    require_extra()
    from hemato_convert.convert import convert as run_conversion
    from hemato_training.progress import Screen

    conversion = run_conversion(
        run,
        out,
        data,
        cache=cache,
        min_agreement=min_agreement,
        representative=representative,
        name=name,
        reporter=Screen(),
    )
    if as_json:
        _print_json(_conversion_as_json(conversion))
    else:
        _show_conversion(conversion)


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
        _print_json(evaluation.as_json())
    else:
        _show_figures({**evaluation.laboratories, "all": evaluation.overall}, f"{model}, {split}")


def _console(*, stderr: bool = False) -> Console:
    """Where a person reads: results on standard output, messages on standard error."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _show_figures(figures: Mapping[str, Figures], title: str) -> None:
    """One table of the sets, and one of the classes over all cells."""
    from rich.table import Table

    console = _console()
    table = Table(title=title)
    for column in ("set", "cells", "accuracy %", "balanced %", "macro F1 %", "ECE %", "answered %", "wrong of these %"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, f in figures.items():
        shares = (f.accuracy, f.balanced_accuracy, f.macro.f1, f.ece, f.accepted, f.accepted_error)
        table.add_row(name, str(f.cells), *map(_percent, shares))
    console.print(table)
    last = list(figures.values())[-1]
    classes = Table(title="all cells")
    for column in ("class", "cells", "precision %", "recall %", "F1 %"):
        classes.add_column(column, justify="left" if column == "class" else "right")
    for label, c in last.per_class.items():
        classes.add_row(label, str(c.support), *map(_percent, (c.precision, c.recall, c.f1)))
    console.print(classes)
    confusion = Table(title="truth (rows) and answer (columns)")
    confusion.add_column("")
    for label in last.per_class:
        confusion.add_column(label[:5], justify="right")
    for label, row in zip(last.per_class, last.confusion, strict=True):
        confusion.add_row(label, *(str(count) if count else "·" for count in row))
    console.print(confusion)


def _conversion_as_json(conversion: Conversion) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "path": str(conversion.path),
        "bytes": conversion.bytes,
        "parity": asdict(conversion.parity),
        "laboratories": {
            name: {
                "cells": f.cells,
                "float_accuracy": conversion.float_figures[name].accuracy,
                "int8_accuracy": f.accuracy,
                "int8_balanced_accuracy": f.balanced_accuracy,
            }
            for name, f in conversion.int8_figures.items()
        },
        "temperature": conversion.temperature,
        "rejection_threshold": conversion.threshold,
    }


def _show_conversion(conversion: Conversion) -> None:
    from rich.table import Table

    console = _console()
    parity = conversion.parity
    table = Table(title=f"{conversion.path}, {conversion.bytes / 1e6:.2f} MB")
    for column in ("set", "cells", "float %", "int8 %", "int8 balanced %"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, f in conversion.int8_figures.items():
        shares = (conversion.float_figures[name].accuracy, f.accuracy, f.balanced_accuracy)
        table.add_row(name, str(f.cells), *map(_percent, shares))
    console.print(table)
    console.print(
        f"Float and int8 agree on {_percent(parity.agreement)} % of {parity.cells} cells; "
        f"a logit differs by {parity.mean_difference:.2f} on average, {parity.max_difference:.2f} at most. "
        f"Temperature {conversion.temperature:.2f}; below {conversion.threshold:.2f} a cell stays unclassified."
    )
    for case in parity.worst:
        if case.float_answer != case.int8_answer:
            console.print(f"  {case.key}: truth {case.truth}, float {case.float_answer}, int8 {case.int8_answer}")
