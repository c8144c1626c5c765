"""Quality over time as tables for a terminal; says the same as `words.plain_lines`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.quality_control.lots import OUT, WARNING
from hemato_edge.views.quality_control import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from hemato_edge.quality_control.overview import Overview

_STYLES = {OUT: "bold red", WARNING: "yellow"}


def terminal_view(view: Overview) -> Group:
    """The whole."""
    return Group(*_parts(view))


def _parts(view: Overview) -> Iterator[RenderableType]:
    if not view.lots:
        yield Text(words.NO_CONTROLS)
    for lot in view.lots:
        yield Text(words.lot_title(lot), style=_STYLES.get(lot.state, "bold"))
        yield from map(Text, words.lot_lines(lot))
        rows = [words.chart_row(chart) for chart in lot.charts]
        yield _table(words.COLUMNS, rows, [_STYLES.get(chart.state, "") for chart in lot.charts])
        yield Text(f"{words.SHARE_NOTE}\n", style="dim")
    yield Text("Drift of the ordinary sessions", style="bold")
    for one in view.drifts:
        yield Text(words.drift_line(one), style="yellow" if one.trend.drifts else "")
    yield Text(words.DRIFT_NOTE if view.drifts else words.TOO_FEW, style="dim")
    if view.agreement:
        yield Text("\nReviewers and machine", style="bold")
        rows = list(words.day_rows(view))
        yield _table(words.DAY_COLUMNS, rows, [""] * len(rows))
        yield Text(words.DAY_NOTE, style="dim")
    yield Text(RESEARCH_USE_NOTICE, style="bold")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column == "SD" else "left")
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*map(Text, row), style=style)
    return table
