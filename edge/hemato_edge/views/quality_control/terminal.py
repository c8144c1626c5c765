"""Quality over time as tables for a terminal; says the same as `words.plain_lines`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.languages import words_of
from hemato_edge.quality_control.lots import OUT, WARNING
from hemato_edge.views.quality_control import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from hemato_edge.quality_control.overview import Overview

_DISTANCE = words.COLUMNS.index("SD")
_STYLES = {OUT: "bold red", WARNING: "yellow"}


def terminal_view(view: Overview, language: str = "en") -> Group:
    """The whole in a language."""
    return Group(*_parts(view, language))


def _parts(view: Overview, language: str) -> Iterator[RenderableType]:
    _ = words_of(language)
    if not view.lots:
        yield Text(_(words.NO_CONTROLS))
    for lot in view.lots:
        yield Text(words.lot_title(lot, language), style=_STYLES.get(lot.state, "bold"))
        yield from map(Text, words.lot_lines(lot, language))
        rows = [words.chart_row(chart, language) for chart in lot.charts]
        yield _table([_(name) for name in words.COLUMNS], rows, [_STYLES.get(chart.state, "") for chart in lot.charts])
        yield Text(f"{_(words.SHARE_NOTE)}\n", style="dim")
    yield Text(_(words.DRIFTS), style="bold")
    for one in view.drifts:
        yield Text(words.drift_line(one, language), style="yellow" if one.trend.drifts else "")
    yield Text(words.drift_note(language) if view.drifts else _(words.TOO_FEW), style="dim")
    if view.agreement:
        yield Text(f"\n{_(words.REVIEWERS)}", style="bold")
        rows = list(words.day_rows(view, language))
        yield _table([_(name) for name in words.DAY_COLUMNS], rows, [""] * len(rows))
        yield Text(words.day_note(language), style="dim")
    yield Text(_(RESEARCH_USE_NOTICE), style="bold")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number == _DISTANCE else "left")
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*map(Text, row), style=style)
    return table
