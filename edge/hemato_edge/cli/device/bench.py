"""`hemato-edge bench`: how fast this device is, what limits it, whether it is steady."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.bench.figures import Report
    from hemato_edge.bench.session import Plan
    from hemato_edge.settings import Settings


def register(root: typer.Typer) -> None:
    """Add `bench`."""
    root.command()(bench)


def bench(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    compare: Annotated[
        Path | None, typer.Option(metavar="OLD.json", help="An earlier run, kept with --json: faster or slower?")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables to paste into a question.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: FILE.png, FILE.svg or FILE.html.")] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Find the best number of threads and write it to the configuration file.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="About a quarter of a minute; the figures scatter more.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="The JSON Schema of --json, and nothing is measured.")
    ] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings in TOML.")] = None,
) -> None:
    """Measure this device: start, models, frames, store, memory, heat. Offline, under two minutes."""
    if schema:
        _print_schema()
        return
    if tune:
        from hemato_edge.cli.device.tune import tune as tune_threads

        if compare or plot or markdown:
            raise typer.BadParameter("it goes with --json, --quick and --config only.", param_hint="--tune")
        tune_threads(config, quick=quick, as_json=as_json)
        return
    if plot is not None and plot.suffix.lower() not in (".png", ".svg", ".html"):
        raise typer.BadParameter(f"{plot} must end in .png, .svg or .html.", param_hint="--plot")
    from hemato_edge.bench.comparison import compare as compared
    from hemato_edge.bench.comparison import read_report
    from hemato_edge.bench.session import FULL, QUICK
    from hemato_edge.settings import load_settings

    old = None if compare is None else read_report(compare)
    report = _measured(load_settings(config), QUICK if quick else FULL)
    if old is not None:
        doubts = (*report.doubts, *(f"The old run: {doubt}" for doubt in old.doubts))
        found = compared(old.figures, report.figures, trusted=not doubts)
        report = report.model_copy(update={"comparison": found, "doubts": doubts})
    if plot is not None:
        _draw(report, plot)
    _print(report, as_json=as_json, markdown=markdown)


def _print_schema() -> None:
    from hemato_edge.bench.figures import Report

    typer.echo(json_text(Report.model_json_schema(by_alias=True), indent=1, ensure_ascii=False))


def _measured(settings: Settings, plan: Plan) -> Report:
    """Run the bench; what it is at goes to stderr, over itself in a terminal."""
    from hemato_edge.bench.measurement import Progress, measure

    shown = sys.stderr.isatty()
    for step in measure(settings, plan):
        if not isinstance(step, Progress):
            if shown:
                typer.echo("\r\x1b[K", nl=False, err=True)
            return step
        if shown:
            typer.echo(f"\r\x1b[K{100 * step.done:3.0f} %  {step.part} …", nl=False, err=True)
    msg = "the bench ended without a report"
    raise RuntimeError(msg)


def _draw(report: Report, file: Path) -> None:
    from hemato_edge.bench.chart import draw
    from hemato_edge.output_files import write_aside

    drawing = draw(report)
    kind = file.suffix.lower()
    content = (
        drawing.as_png() if kind == ".png" else (drawing.as_svg() if kind == ".svg" else drawing.as_html()).encode()
    )
    write_aside(file, content)
    typer.echo(f"drawn: {file}", err=True)


def _print(report: Report, *, as_json: bool, markdown: bool) -> None:
    if as_json:
        typer.echo(report.as_json())
        return
    from hemato_edge.cli.device import bench_view

    if markdown:
        typer.echo("\n".join(bench_view.markdown_lines(report)))
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(bench_view.rich_view(report))
    else:
        typer.echo("\n".join(bench_view.plain_lines(report)))
