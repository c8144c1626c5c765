"""`hemato-edge evaluate`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.cli.workstation import Cache, Data, Json, console, percent, print_json, require_extra, show_figures

if TYPE_CHECKING:
    from hemato_edge.evidence.paired import Paired
    from hemato_training.evaluate.evaluation import Evaluation
    from hemato_training.explain.explanation import Explanation
    from hemato_training.metrics.attributes import AttributeFigures
    from hemato_training.report.report import Report

Laboratories = Annotated[
    list[str] | None,
    typer.Option(help="Data set to judge on; may be repeated. pbc and bccd unless named, else your own."),
]
Gallery = Annotated[
    bool | None,
    typer.Option("--gallery/--no-gallery", help="Worst errors with activation maps; with a page unless refused."),
]
Outliers = Annotated[
    bool | None,
    typer.Option("--outliers/--no-outliers", help="Try what is no white cell; with a page unless refused."),
]
Explain = Annotated[
    list[str] | None,
    typer.Option(help="Test the maps of gradcam, occlusion, shap or lime; may be repeated. With the gallery gradcam."),
]
Against = Annotated[
    Path | None, typer.Option(help="A second model, compared on the very same cells (McNemar, bootstrap by group).")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    model: Annotated[Path, typer.Argument(help="A .keras or .skops model, a run's folder, or a .tflite bundle.")],
    data: Data,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    laboratory: Laboratories = None,
    out: Annotated[Path | None, typer.Option(help="Folder for page, JSON and every picture as a file.")] = None,
    html: Annotated[Path | None, typer.Option(help="File for the page alone: one file that can be sent.")] = None,
    gallery: Gallery = None,
    explain: Explain = None,
    outliers: Outliers = None,
    cells: Annotated[Path | None, typer.Option(help="File for a table of every cell and its answer, as CSV.")] = None,
    against: Against = None,
    left_out: Annotated[str | None, typer.Option(help="A class that this model was trained without.")] = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Judge a model on held-out cells: figures with intervals, calibration, silence, strangers, where it looks."""
    require_extra()
    _check_names(split, left_out, explain)
    from hemato_training.data.chosen_sets import chosen_sets
    from hemato_training.evaluate.attributes import attributes_on
    from hemato_training.evaluate.evaluation import compare_on, evaluation_of, try_on
    from hemato_training.evaluate.predictions import write_predictions
    from hemato_training.progress import Screen
    from hemato_training.report.report import report_on

    paged = out is not None or html is not None
    with_gallery = gallery if gallery is not None else paged
    kept = cache or Path("runs") / "cells"
    data, names = chosen_sets(data, laboratory)
    tried = try_on(model, data, kept, split=split, laboratories=names, left_out=left_out, reporter=Screen())
    evaluation = evaluation_of(tried)
    attributes = attributes_on(tried, data)
    compared = None if against is None else compare_on(tried, against, data, kept, Screen())
    if cells is not None:
        write_predictions(tried, cells)
    report = report_on(
        tried,
        evaluation,
        shlex.join(["hemato-edge", *sys.argv[1:]]),
        data=data,
        cache=kept,
        outliers=outliers if outliers is not None else paged or left_out is not None,
        gallery=with_gallery,
        explained=explain or (["gradcam"] if with_gallery else []),
        reporter=Screen(),
    )
    if paged:
        _write_page(report, out, html)
    if as_json:
        print_json(report.as_json() | _further(attributes, compared))
        return
    show_figures({**evaluation.laboratories, "all": evaluation.overall}, f"{model}, {split}")
    _show(evaluation, attributes, report)
    if compared is not None:
        _show_comparison(compared, model, against)
    for written in (out, html, cells):
        if written is not None:
            console(stderr=True).print(f"Written: {written}")


def _check_names(split: str, left_out: str | None, explain: list[str] | None) -> None:
    """Refuse what is no name of a split, a class or a method."""
    from hemato_training.data.records import SPLITS
    from hemato_training.explain.methods import METHODS

    if left_out is not None and left_out not in CLASSIFIER_LABELS:
        raise typer.BadParameter(f"Known: {', '.join(CLASSIFIER_LABELS)}.", param_hint="--left-out")
    if split not in SPLITS:
        raise typer.BadParameter(f"Known: {', '.join(SPLITS)}.", param_hint="--split")
    if unknown := set(explain or ()) - set(METHODS):
        raise typer.BadParameter(f"{', '.join(unknown)}; known: {', '.join(METHODS)}.", param_hint="--explain")


def _show(evaluation: Evaluation, attributes: dict[str, dict[str, AttributeFigures]], report: Report) -> None:
    _show_intervals(evaluation)
    _show_attributes(attributes)
    _show_strangers(report)
    _show_maps(report)


def _further(attributes: dict[str, dict[str, AttributeFigures]], compared: Paired | None) -> dict[str, object]:
    """What stands in the JSON only where there is such a thing."""
    found: dict[str, object] = {}
    if attributes:
        found["attributes"] = {
            laboratory: {name: figures.as_json() for name, figures in own.items()}
            for laboratory, own in attributes.items()
        }
    if compared is not None:
        found["against"] = compared.as_json()
    return found


def _show_attributes(attributes: dict[str, dict[str, AttributeFigures]]) -> None:
    from rich.table import Table

    for laboratory, own in attributes.items():
        cells = next(iter(own.values())).cells
        table = Table(title=f"attributes, {cells} cells of {laboratory}")
        for column in ("attribute", "accuracy %", "macro F1 %"):
            table.add_column(column, justify="left" if column == "attribute" else "right")
        for name, figures in own.items():
            table.add_row(name, percent(figures.accuracy), percent(figures.macro_f1))
        mean = (sum(f.accuracy for f in own.values()) / len(own), sum(f.macro_f1 for f in own.values()) / len(own))
        table.add_row("mean", *map(percent, mean))
        console().print(table)


def _write_page(report: Report, out: Path | None, html: Path | None) -> None:
    """The page, into a folder with its pictures and as one file, whichever is wanted."""
    from hemato_training.report.page import draw_all, render
    from hemato_training.report.report import write_folder, write_text

    drawn = draw_all(report)
    page = render(report, drawn)
    if out is not None:
        write_folder(report, out, page, drawn)
    if html is not None:
        write_text(html, page)


def _show_comparison(compared: Paired, model: Path, against: Path | None) -> None:
    low, high = compared.difference_interval
    console().print(
        f"{against} against {model} on the same {compared.cells} cells of {compared.groups} groups: "
        f"{100 * compared.difference:+.1f} points (95 % by groups {100 * low:+.1f} to {100 * high:+.1f}). Only "
        f"{model.name} is right on {compared.only_first}, only the other on {compared.only_second}; "
        f"McNemar p = {compared.p_value:.3g}."
    )


def _show_intervals(evaluation: Evaluation) -> None:
    from rich.table import Table

    screen = console()
    table = Table(title="95 % intervals (bootstrap over fields)")
    for column in ("set", "accuracy %", "balanced %", "macro F1 %", "macro AUC"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name in evaluation.laboratories:
        own = evaluation.details[name].intervals
        bounds = [
            f"{percent(low)}–{percent(high)}" for low, high in (own.accuracy, own.balanced_accuracy, own.macro.f1)
        ]
        table.add_row(name, *bounds, f"{own.macro_auc.auc:.3f}" if own.macro_auc else "–")
    screen.print(table)
    trust = Table(title="confidence; crossed: chosen on one half, judged on the other")
    for column in ("set", "ECE raw %", "now %", "AURC", "crossed: ECE %", "answered %", "wrong of these %"):
        trust.add_column(column, justify="left" if column == "set" else "right")
    crossed = evaluation.crossfit.laboratories if evaluation.crossfit else {}
    for name in evaluation.laboratories:
        details = evaluation.details[name]
        cells = [percent(details.before.ece), percent(details.after.ece), f"{details.selective.aurc:.4f}"]
        own_cross = crossed.get(name)
        shares = (own_cross.ece, own_cross.accepted, own_cross.accepted_error) if own_cross else ()
        trust.add_row(name, *cells, *(map(percent, shares) if shares else ("–",) * 3))
    screen.print(trust)


def _show_strangers(report: Report) -> None:
    if not report.outliers:
        return
    from rich.table import Table

    table = Table(title="what is no white cell, or was never learnt")
    for column in ("kind", "from", "crops", "named white %", "conf. AUROC", "FPR95 %", "energy AUROC", "FPR95 % "):
        words = column in ("kind", "from")
        table.add_column(column, justify="left" if words else "right", no_wrap=words)
    for one in report.outliers:
        shares = [f"{one.confidence.auroc:.3f}", percent(one.confidence.fpr95)]
        shares += [f"{one.energy.auroc:.3f}", percent(one.energy.fpr95)]
        table.add_row(one.kind, one.laboratory or "–", str(one.cells), percent(one.named_white), *shares)
    console().print(table)


def _show_maps(report: Report) -> None:
    for explanation in report.explanations.values():
        _show_explanation(explanation)


def _show_explanation(explanation: Explanation) -> None:
    screen = console()
    screen.print(f"Maps: {explanation.method}", style="bold")
    for name, plays in explanation.pointing.items():
        for play in plays:
            where = "as cropped" if play.shift == 0 else f"moved by {percent(play.shift)} % of the crop"
            screen.print(
                f"{name}, {where}: the map's peak is in the cell's box in {percent(play.share)} % of {play.cells} "
                f"(by chance {percent(play.area)} %, the middle always {percent(play.middle)} %)"
            )
    curves = explanation.curves
    for what, better in (("deletion", "lower"), ("insertion", "higher")):
        by_map, by_middle, by_chance = (
            percent(getattr(one, what)) for one in (curves.by_map, curves.by_middle, curves.by_chance)
        )
        screen.print(
            f"{what}: the answer keeps {by_map} % on average in the map's order, {by_middle} % from the middle "
            f"outward, {by_chance} % by chance ({better} is better; {curves.images} cells)"
        )
    if explanation.sanity is not None:
        stages = explanation.sanity.stages
        screen.print(
            f"Random weights: rank correlation of the maps {stages[0].correlation:.2f} with the last layer random, "
            f"{stages[-1].correlation:.2f} with all"
        )
