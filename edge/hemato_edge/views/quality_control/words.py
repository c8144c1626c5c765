"""Quality over time in rows and lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.quality_control.lots import OUT
from hemato_edge.quality_control.trend import SIGNIFICANT
from hemato_edge.quality_control.westgard import RULES
from hemato_edge.site.agreement import LEAST_FOR_KAPPA
from hemato_edge.views.report.figures import NOTHING, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hemato_edge.quality_control.drift import Drift
    from hemato_edge.quality_control.lots import Chart, Lot
    from hemato_edge.quality_control.overview import Overview

COLUMNS = ("Measure", "Baseline", "Newest", "SD", "Rules", "Course")
DAY_COLUMNS = ("Day", "Reviewer", "Cells", "Same", "% (95 % CI)", "Kappa (95 % CI)", "Unclassified")
_LEVELS = "▁▂▃▄▅▆▇█"
"""From -4 standard deviations to 4."""
_COURSE = 30
NO_CONTROLS = (
    "No control slide is recorded: mark its sessions with `hemato-edge run --control LOT` or `session control ID LOT`."
)


def lot_title(lot: Lot) -> str:
    """Lot, profile and state."""
    where = f", profile {printable(lot.profile)}" if lot.profile else ""
    state = lot.state.upper() if lot.state == OUT else lot.state
    return f"Control slide, lot {printable(lot.name)}{where}: {state}"


def lot_lines(lot: Lot) -> Iterator[str]:
    """Where the limits come from, what must be known, and which rules are broken."""
    if lot.baseline:
        yield f"{len(lot.sessions)} sessions; limits from {ranges(lot.baseline)}."
    yield from lot.notes
    yield from (f"{rule.name}: {rule.meaning}." for rule in RULES if rule.name in lot.broken)


def chart_row(chart: Chart) -> tuple[str, ...]:
    """One chart as a row under `COLUMNS`."""
    measure, last = chart.measure, chart.points[-1]
    number = f"{{:.{measure.digits}f}}".format
    unit = f" {measure.unit}" if measure.unit else ""
    base = NOTHING if chart.mean is None else number(chart.mean) + unit
    if chart.deviation is not None:
        base = f"{number(chart.mean or 0.0)} ± {number(chart.deviation)}{unit}"
    newest = number(last.value) + unit + (f" of {last.cells}" if last.cells else "")
    distance = NOTHING if last.z is None else f"{last.z:+.1f}"
    return measure.title, base, newest, distance, " ".join(last.broken), course(chart)


def course(chart: Chart) -> str:
    """The newest sessions as a line of blocks, in standard deviations; "" without limits."""
    found = [point.z for point in chart.points[-_COURSE:] if point.z is not None]
    return "".join(_LEVELS[min(7, max(0, int(z + 4)))] for z in found)


def drift_line(drift: Drift) -> str:
    """One measure over the ordinary sessions."""
    measure, found = drift.measure, drift.trend
    number = f"{{:.{measure.digits}f}}".format
    first, last = drift.sessions
    span = f"{measure.title}, {found.sessions} sessions ({first} to {last})"
    if not found.drifts:
        return f"{span}: no drift (p = {found.p:.2g})."
    slope = f"{found.slope:+.{measure.digits + 2}f} a session"
    line = f"{span}: DRIFTS from {number(found.first)} to {number(found.last)}, {slope} (p = {found.p:.2g})"
    if drift.reached_in is not None and drift.limit is not None:
        line += f"; if it goes on, {number(drift.limit)}, where frames are refused, in {drift.reached_in:.0f} sessions"
    return f"{line}."


def day_rows(view: Overview) -> Iterator[tuple[str, ...]]:
    """The reviewers' agreement, a row a day and reviewer, under `DAY_COLUMNS`."""
    for one in view.agreement:
        low, percent, high = one.percent
        kappa = NOTHING if one.kappa is None else "{:.2f} ({:.2f} – {:.2f})".format(*one.kappa)
        yield (
            one.day.isoformat(),
            printable(one.who),
            str(one.cells),
            str(one.same),
            f"{percent:.1f} ({low:.1f} – {high:.1f})",
            kappa,
            str(one.unclassified),
        )


TOO_FEW = "Too few sessions with one microscope: a trend takes 10."
DRIFT_NOTE = f"Mann-Kendall test with Sen's slope; a drift is told from p < {SIGNIFICANT:g} on."
SHARE_NOTE = (
    "Shares of cells: binomial limits by the cells that were counted, with what the baseline's own count leaves open; "
    "other measures: the baseline's mean and standard deviation."
)
DAY_NOTE = (
    "People look at doubtful cells first and see the machine's answer: this is no accuracy. Kappa from "
    f"{LEAST_FOR_KAPPA} cells on."
)


def plain_lines(view: Overview) -> Iterator[str]:
    """The whole, for a pipe."""
    if not view.lots:
        yield NO_CONTROLS
    for lot in view.lots:
        yield lot_title(lot)
        yield from lot_lines(lot)
        yield from aligned([COLUMNS, *map(chart_row, lot.charts)])
        yield SHARE_NOTE
        yield ""
    yield "Drift of the ordinary sessions"
    yield from map(drift_line, view.drifts)
    yield DRIFT_NOTE if view.drifts else TOO_FEW
    if view.agreement:
        yield ""
        yield "Reviewers and machine"
        yield from aligned([DAY_COLUMNS, *day_rows(view)])
        yield DAY_NOTE
    yield RESEARCH_USE_NOTICE


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of text as lines with their columns one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def ranges(sessions: Sequence[int]) -> str:
    """Numbers of sessions in words, such as "sessions 1 to 20" or "20 sessions from 1 to 31"."""
    first, last = sessions[0], sessions[-1]
    if last - first + 1 == len(sessions):
        return f"sessions {first} to {last}"
    return f"{len(sessions)} sessions from {first} to {last}"
