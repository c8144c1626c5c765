"""A run of the bench on the screen: rich tables in a terminal, plain ones in a pipe, Markdown for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.bench.tables import Table, comparison_table, facts_of, tables_of, verdicts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Group
    from rich.table import Table as RichTable

    from hemato_edge.bench.figures import Report

EXPLANATION = (
    "Spread: distance of the quartiles over the median. Drift: median of the last third over that of the first. "
    "n: measurements."
)


def plain_lines(report: Report) -> Iterator[str]:
    """The whole report, a line each."""
    yield _head(report)
    yield from facts_of(report)
    yield from _warnings(report)
    for table in _tables(report):
        yield ""
        if table.title:
            yield table.title
        yield from _aligned(table)
    yield ""
    yield from verdicts_of(report)
    yield from _gaps(report)
    yield EXPLANATION


def markdown_lines(report: Report) -> Iterator[str]:
    """The whole report to paste into an issue or a forum."""
    yield f"### {_head(report)}"
    yield ""
    for line in (*facts_of(report), *_warnings(report), *verdicts_of(report), *_gaps(report)):
        yield f"* {line}"
    for table in _tables(report):
        yield ""
        if table.title:
            yield f"**{table.title}**"
            yield ""
        yield f"| {' | '.join(table.columns)} |"
        yield f"|---|{'--:|' * (len(table.columns) - 1)}"
        for row in table.rows:
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""
    yield EXPLANATION


def rich_view(report: Report) -> Group:
    """The whole report for a terminal."""
    from rich.console import Group
    from rich.text import Text

    return Group(
        Text(_head(report), style="bold"),
        *(Text(line, style="dim") for line in facts_of(report)),
        *(Text(line, style="bold red") for line in _warnings(report)),
        *(_rich(table) for table in _tables(report)),
        *(Text(line, style="bold" if line.startswith("Holds") else "") for line in verdicts_of(report)),
        *(Text(line, style="dim") for line in (*_gaps(report), EXPLANATION)),
    )


def _head(report: Report) -> str:
    kind = "quick bench" if report.quick else "bench"
    return f"hemato-edge {report.version}, {kind} of {report.utc:%Y-%m-%d %H:%M} UTC, {report.seconds:.0f} s"


def _warnings(report: Report) -> list[str]:
    """What is said first when figures cannot be trusted."""
    return [f"NOT TO BE TRUSTED: {doubt}" for doubt in report.doubts]


def _gaps(report: Report) -> list[str]:
    """What was not measured, those of one reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for gap in report.gaps:
        by_reason.setdefault(gap.reason, []).append(gap.name)
    return [f"Not measured: {', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def _tables(report: Report) -> Iterator[Table]:
    yield from tables_of(report)
    if report.comparison:
        yield comparison_table(report.comparison)


def _aligned(table: Table) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    for row in (table.columns, *table.rows):
        first, *others = zip(row, widths, strict=True)
        yield "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def _rich(table: Table) -> RichTable:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    drawn.title = Text(table.title, style="bold") if table.title else None
    for number, name in enumerate(table.columns):
        drawn.add_column(name, justify="right" if number else "left")
    colours = {"faster": "green", "slower": "red"}
    for row in table.rows:
        drawn.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row))
    return drawn
