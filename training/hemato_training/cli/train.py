"""`hemato-edge train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_training.cli import average, compare, locate
from hemato_training.cli.workstation import Cache, Json, console, print_json, require_extra, show_figures

train_app = typer.Typer(help="Train a classifier or a locator.", invoke_without_command=True, no_args_is_help=False)


def register(app: typer.Typer) -> None:
    """Add the group `train`."""
    compare.register(train_app)
    average.register(train_app)
    app.add_typer(train_app, name="train")


@train_app.callback()
def train(
    context: typer.Context,
    task: Annotated[str, typer.Option(help="classify cells, or locate them in fields.")] = "classify",
    data: Annotated[Path | None, typer.Option(help="Directory with one folder per data set (pbc, bccd).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run, such as runs/first.")] = None,
    laboratory: Annotated[
        list[str] | None,
        typer.Option(help="Data set to learn from; may be repeated. pbc, bccd, reviewed unless named, else your own."),
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Class to leave out; may be repeated.")] = None,
    arch: Annotated[
        str,
        typer.Option(
            help="mobilenet_v2, efficientnet_b0, resnet50, inception_v3, simple_cnn, or "
            "features+svm, +tree, +forest, +knn."
        ),
    ] = "mobilenet_v2",
    size: Annotated[int, typer.Option(help="Side of the input, 64 to 224 pixels.")] = 112,
    alpha: Annotated[float, typer.Option(help="Width of MobileNetV2, 0.35 to 1.0.")] = 1.0,
    weights: Annotated[
        str, typer.Option(help="imagenet (Keras downloads it), none, a file without top, or an earlier run's .keras.")
    ] = "imagenet",
    epochs: Annotated[int, typer.Option(help="Epochs with all layers learning.")] = 10,
    head_epochs: Annotated[int, typer.Option(help="Epochs before that with the trunk frozen.")] = 1,
    batch: Annotated[int, typer.Option(help="Images a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 6e-4,
    strength: Annotated[float, typer.Option(help="Strength of the augmentation, 0 to 1.")] = 0.6,
    oversample: Annotated[float, typer.Option(help="How often a cell of a smaller data set comes.")] = 6.0,
    average: Annotated[float, typer.Option(help="Momentum of the weights' moving average, 0 for none.")] = 0.995,
    train_batch_norm: Annotated[
        bool, typer.Option("--train-batch-norm", help="Let batch norm learn too: for training from scratch.")
    ] = False,
    frozen_share: Annotated[
        float, typer.Option(help="Share of the trunk that stays frozen throughout; 0.7: only its top learns.")
    ] = 0.0,
    teacher: Annotated[
        list[str] | None, typer.Option(help="The model.keras of a run to learn the answers of; may be repeated.")
    ] = None,
    teaching: Annotated[float, typer.Option(help="Weight of the teachers' mean answer against the label.")] = 0.7,
    patience: Annotated[int, typer.Option(help="Stop after so many epochs without a better one; 0: never.")] = 0,
    keep: Annotated[str, typer.Option(help="Which epoch to keep: best (on validation) or last.")] = "best",
    per_class: Annotated[int, typer.Option(help="At most so many cells a class, for trying out; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    workers: Annotated[int, typer.Option(help="Threads that augment.")] = 2,
    cache: Cache = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Train a classifier: frozen features first, then all layers. Or, with --task locate, the locator.

    Writes model.keras, metrics.json, run.json, curves.png and confusion_*.png into --out. Ctrl-C leaves a run that
    --resume goes on with.
    """
    if context.invoked_subcommand is not None:
        return
    if data is None or out is None:
        raise typer.BadParameter("--data and --out are needed.", param_hint="train")
    if task not in ("classify", locate.TASK):
        raise typer.BadParameter(f"There is no task {task!r}: choose classify or locate.", param_hint="train")
    require_extra()
    if task == locate.TASK:
        locate.train_locator(context)
        return
    from hemato_training.classify.classical import is_classical, train_classical
    from hemato_training.classify.fit import train as run_training
    from hemato_training.data.chosen_sets import chosen_sets
    from hemato_training.progress import Screen
    from hemato_training.runs.schedule import Settings

    data, names = chosen_sets(data, laboratory)
    settings = Settings(
        data=data,
        out=out,
        laboratories=names,
        without=tuple(without or ()),
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
        frozen_share=frozen_share,
        teachers=tuple(teacher or ()),
        teaching=teaching,
        patience=patience,
        keep=keep,
        per_class=per_class,
        seed=seed,
        workers=workers,
    )
    if is_classical(arch):
        measured = train_classical(settings, cache=cache, reporter=Screen())
        if as_json:
            print_json(measured.as_json())
        else:
            show_figures({**measured.laboratories, "all": measured.overall}, f"{measured.model}, val")
        return
    try:
        outcome = run_training(settings, resume=resume, cache=cache, reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print(f"Stopped. `hemato-edge train … --out {out} --resume` goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(outcome.as_json())
    else:
        show_figures({**outcome.laboratories, "all": outcome.overall}, f"{outcome.model}, epoch {outcome.epoch}, val")
        console(stderr=True).print(f"Next: hemato-edge convert {out} --out classifier.tflite --data {data}")
