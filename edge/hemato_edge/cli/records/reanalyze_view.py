"""What `hemato-edge reanalyze` shows: its progress, what it has found, and what two models answer differently."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from hemato_edge.about import RESEARCH_USE_NOTICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hemato_edge.archives.comparison import Change, Comparison
    from hemato_edge.archives.reanalysis import Progress, Summary

_EVERY_S = 10.0
"""How often a line tells of the progress where there is no terminal."""
_MOST_MOVES = 12


@contextmanager
def told(title: str) -> Iterator[Callable[[Progress], None]]:
    """Progress on standard error: a bar with the time left in a terminal, else a line now and then."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(title)
        return
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[say]}"),
    )
    with progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=1, say="")

        def tell(state: Progress) -> None:
            for line in _failures(state):
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            bar.update(task, total=max(1, state.weight), completed=state.weight_finished, say=said(state))

        yield tell


def said(state: Progress) -> str:
    """How far it has come, in one line."""
    left = state.seconds_left if state.finished < state.sources else None
    time_left = "" if left is None else f", {timedelta(seconds=round(left))} left"
    failed = f", {_number(state.failed, 'file')} failed" if state.failed else ""
    of = _number(state.sources, "source")
    return f"{state.finished} of {of}, {_number(state.pictures, 'picture')}{failed}{time_left}"


class _Lines:
    """Lines on standard error, not more than one in ten seconds; of files that failed, each."""

    def __init__(self, title: str) -> None:
        self._title, self._last = title, time.monotonic()

    def __call__(self, state: Progress) -> None:
        for line in _failures(state):
            typer.echo(line, err=True)
        if time.monotonic() - self._last >= _EVERY_S:
            self._last = time.monotonic()
            typer.echo(f"{self._title}: {said(state)}", err=True)


def _failures(state: Progress) -> Iterator[str]:
    source, failures = state.newest
    for one in failures:
        yield f"error: {one}" if source in one else f"error: {source}: {one}"


def summary_lines(summary: Summary, folder: Path) -> Iterator[str]:
    """What a folder holds."""
    earlier = summary.sources - summary.analysed
    kept = f", {earlier} of them from earlier calls" if earlier else ""
    found = _number(summary.pictures, "field"), _number(summary.cells, "cell")
    yield f"{folder}: {_number(summary.sources, 'source')}{kept}, {', '.join(found)}"
    if summary.failed:
        failed = _number(summary.failed, "file")
        yield f"{failed} could not be analysed: {folder}/failures.parquet names each and says why"
    yield RESEARCH_USE_NOTICE


def comparison_lines(found: Comparison, folder: Path) -> Iterator[str]:
    """What two models answer differently."""
    matched = found.matched
    yield f"before  {_model(found.before)}"
    yield f"now     {_model(found.now)}"
    yield (
        f"{_number(found.cells, 'white cell')} of {_number(matched.sources, 'source')} that both have; "
        f"found by one alone: {matched.only_before} before, {matched.only_now} now"
    )
    if matched.sources_before or matched.sources_now:
        before = _number(matched.sources_before, "source")
        yield f"not compared: {before} before, {matched.sources_now} now, which the other lacks"
    if found.changed_share is not None:
        share = f"{found.changed_share:.1%}{_interval(found.changed_interval, 100)}"
        yield f"another name: {_number(found.changed, 'cell')}, {share}"
    yield from _class_lines(found)
    for before, now, cells in found.moves[:_MOST_MOVES]:
        yield f"  {cells:6d}  {before} → {now}"
    if len(found.moves) > _MOST_MOVES:
        yield f"  … and {_number(len(found.moves) - _MOST_MOVES, 'other change')}: {folder}/comparison.json"
    yield from _reviewed_lines(found)
    if found.groups > 1:
        yield f"Intervals: 95 %, bootstrap over {found.groups} {found.grouped_by}s."
    elif found.cells:
        yield "No intervals: all cells are of one field."
    yield f"{folder}/changed.parquet has each cell with another name, {folder}/comparison.json all figures."
    yield RESEARCH_USE_NOTICE


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _model(terms: dict[str, object]) -> str:
    return f"{terms.get('model')} {str(terms.get('model_sha256'))[:12]}, hemato-edge {terms.get('hemato_edge')}"


def _class_lines(found: Comparison) -> Iterator[str]:
    yield f"  {'':21} {'before':>7} {'now':>7} {'lost':>6} {'gained':>6}   percent before, now, difference"
    for one in found.classes:
        if one.before or one.now:
            cells = f"{one.before:7} {one.now:7} {one.lost:6} {one.gained:6}"
            yield f"  {one.name.replace('_', ' '):21} {cells}{_percent(one)}"


def _percent(one: Change) -> str:
    if one.percent_before is None or one.percent_now is None or one.difference is None:
        return ""
    return f"   {one.percent_before:5.1f} {one.percent_now:5.1f}  {one.difference:+.1f}{_interval(one.interval)}"


def _interval(bounds: tuple[float, float] | None, factor: float = 1) -> str:
    return "" if bounds is None else f" ({factor * bounds[0]:.1f} to {factor * bounds[1]:.1f})"


def _reviewed_lines(found: Comparison) -> Iterator[str]:
    reviewed = found.reviewed
    if reviewed is None:
        yield "No person has named any of these cells, so nothing tells which model is right."
        return
    pair = reviewed.paired
    bounds = _interval(pair.difference_interval, 100) if pair.groups > 1 else ""
    yield (
        f"of {_number(pair.cells, 'cell')} that a person named: right before {reviewed.right_before}, "
        f"now {reviewed.right_now}; difference {100 * pair.difference:+.1f} points{bounds}"
    )
    yield (
        f"  right before alone {pair.only_first}, now alone {pair.only_second}; McNemar p = {pair.p_value:.3g}, "
        "which takes the cells as independent"
    )
    yield from (
        f"  {name.replace('_', ' '):21} {cells:6} named, right {before:6} before, {now:6} now"
        for name, (cells, before, now) in reviewed.of_class.items()
    )
    yield "  These are mostly cells in doubt, which are reviewed first: no figure for all cells."
