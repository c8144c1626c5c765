"""`hemato-edge train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hemato_training.cli import (
    attributes,
    average,
    caution,
    compare,
    head,
    locate,
    red_cells,
    second_look,
    site,
    subtypes,
)
from hemato_training.cli.options import with_options
from hemato_training.cli.workstation import (
    Cache,
    Json,
    console,
    percent,
    print_json,
    require_extra,
    show_figures,
)
from hemato_training.locate.settings import TASK as LOCATE
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

CLASSIFY = "classify"


class _OldSpelling(TyperGroup):
    """`train --task locate --data …` goes on working: it means `train locate --data …`; `--site DIR` is `site DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the task's command before options that stand without one."""
        if args and args[0] == "--site":
            args = ["site", *args[1:]]
        elif args and args[0].startswith("-") and args[0] not in ("--help", "-h"):
            task, args = _without_task(args)
            console(stderr=True).print(f"Note: this is now written `hemato-edge train {task} …`.")
            args = [task, *args]
        return super().parse_args(ctx, args)


train_app = typer.Typer(cls=_OldSpelling, no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group `train`."""
    train_app.command(name=CLASSIFY)(with_options(classify, Settings))
    locate.register(train_app)
    compare.register(train_app)
    average.register(train_app)
    head.register(train_app)
    attributes.register(train_app)
    caution.register(train_app)
    second_look.register(train_app)
    subtypes.register(train_app)
    red_cells.register(train_app)
    site.register(train_app)
    app.add_typer(train_app, name="train")


def classify(
    values: dict[str, Any],
    cache: Cache = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    folds: Annotated[
        int, typer.Option(min=0, help="Cross-validate: so many runs, each without one part of the groups; 0 for none.")
    ] = 0,
    members: Annotated[
        int,
        typer.Option(
            min=0,
            help="Train so many short runs from one common head, and average them into --out: right more often on "
            "another microscope than one run, at no cost on the device; 0 for one run.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Train a classifier: frozen features first, then all layers.

    Writes model.keras, metrics.json, run.json, curves.png and confusion_*.png into --out (with --members into a folder
    for each run). Ctrl-C leaves a run that --resume goes on with.
    """
    require_extra()
    from hemato_training.classify.classical import is_classical, train_classical
    from hemato_training.classify.fit import train as run_training
    from hemato_training.data.chosen_sets import chosen_sets
    from hemato_training.progress import Screen

    data, names = chosen_sets(values["data"], values.get("laboratories"))
    settings = Settings(**{**values, "data": data, "laboratories": names})
    if folds and members:
        raise typer.BadParameter("not together with --folds", param_hint="--members")
    if folds:
        _cross_validate(settings, folds, cache, as_json=as_json)
        return
    if members and is_classical(settings.architecture):
        raise typer.BadParameter("of a network only", param_hint="--members")
    if is_classical(settings.architecture):
        measured = train_classical(settings, resume=resume, cache=cache, reporter=Screen())
        if as_json:
            print_json(measured.as_json())
        else:
            show_figures({**measured.laboratories, "all": measured.overall}, f"{measured.model}, val")
        return
    if members:
        _train_members(settings, members, cache, resume=resume, as_json=as_json)
        return
    try:
        outcome = run_training(settings, resume=resume, cache=cache, reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print(f"Stopped. `hemato-edge train classify … --out {settings.out} --resume` goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(outcome.as_json())
    else:
        show_figures({**outcome.laboratories, "all": outcome.overall}, f"{outcome.model}, epoch {outcome.epoch}, val")
        next_step = f"hemato-edge convert {settings.out} --out classifier.tflite --data {data}"
        console(stderr=True).print(f"Next: {next_step}")


def _train_members(settings: Settings, members: int, cache: Path | None, *, resume: bool, as_json: bool) -> None:
    from hemato_training.classify.members import train_members
    from hemato_training.progress import Screen

    try:
        model = train_members(settings, members, resume=resume, cache=cache, reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped. The same command with --resume goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json({"model": str(model), "members": members})
    else:
        console().print(f"{model}, the mean of {members} runs")
        console(stderr=True).print(f"Next: hemato-edge evaluate {model} --data {settings.data}")


def _cross_validate(settings: Settings, folds: int, cache: Path | None, *, as_json: bool) -> None:
    from hemato_training.classify.classical import is_classical
    from hemato_training.classify.cross_validation import cross_validate
    from hemato_training.progress import Screen

    if folds < 2 or settings.fold or is_classical(settings.architecture):
        raise typer.BadParameter("two or more, of a network, and not together with --fold", param_hint="--folds")
    try:
        result = cross_validate(settings, folds, cache=cache, reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped. The same command goes on.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(result.as_json())
        return
    show_figures({**result.laboratories, "all": result.overall}, f"{folds} parts, each held out once")
    low, high = result.accuracy_interval
    console().print(
        f"accuracy {percent(result.overall.accuracy)} % (95 % by {result.groups} groups {percent(low)} to "
        f"{percent(high)}); of the parts {', '.join(percent(one) for one in result.accuracies)}, "
        f"standard deviation {percent(result.spread)} points"
    )


def _without_task(args: list[str]) -> tuple[str, list[str]]:
    """The task of an old command line, and the rest of it."""
    task, rest, words = CLASSIFY, [], iter(args)
    for word in words:
        if word == "--task":
            task = next(words, "")
        elif word.startswith("--task="):
            task = word.removeprefix("--task=")
        else:
            rest.append(word)
    if task not in (CLASSIFY, LOCATE):
        raise typer.BadParameter(f"There is no task {task!r}: choose classify or locate.", param_hint="train")
    return task, rest
