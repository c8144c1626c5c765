"""Quality over time in rows and lines of text, in any of the languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.languages import recorded_words_of, words_of, written_in
from hemato_edge.quality_control.lots import OUT
from hemato_edge.quality_control.trend import SIGNIFICANT
from hemato_edge.quality_control.westgard import RULES
from hemato_edge.site.agreement import LEAST_FOR_KAPPA
from hemato_edge.views.report.figures import NOTHING, fixed, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hemato_edge.quality_control.drift import Drift
    from hemato_edge.quality_control.lots import Chart, Lot
    from hemato_edge.quality_control.overview import Overview

TITLE, DRIFTS, REVIEWERS = "Quality over time", "Drift of the ordinary sessions", "Reviewers and machine"
COLUMNS = ("Measured value", "Baseline", "Newest", "SD", "Rules", "Course")
DAY_COLUMNS = ("Day", "Reviewer", "Cells", "Same", "% (95 % CI)", "Kappa (95 % CI)", "Unclassified")
_LEVELS = "▁▂▃▄▅▆▇█"
"""From -4 standard deviations to 4."""
_COURSE = 30
NO_CONTROLS = (
    "No control slide is recorded: mark its sessions with `hemato-edge run --control LOT` or `session control ID LOT`."
)
TOO_FEW = "Too few sessions with one microscope: a trend takes 10."
SHARE_NOTE = (
    "Shares of cells: binomial limits by the cells that were counted, with what the baseline's own count leaves open; "
    "other measures: the baseline's mean and standard deviation."
)


def drift_note(language: str = "en") -> str:
    """From when on a drift is told."""
    p = written_in(language, f"{SIGNIFICANT:g}")
    return words_of(language)("Mann-Kendall test with Sen's slope; a drift is told from p < {p} on.", p=p)


def day_note(language: str = "en") -> str:
    """What agreement is not."""
    _ = words_of(language)
    what = _("People look at doubtful cells first and see the machine's answer: this is no accuracy.")
    return f"{what} {_('Kappa from {n} cells on.', n=LEAST_FOR_KAPPA)}"


def lot_title(lot: Lot, language: str = "en") -> str:
    """Lot, profile and state."""
    _ = words_of(language)
    state = _(lot.state).upper() if lot.state == OUT else _(lot.state)
    name, profile = printable(lot.name), printable(lot.profile or "")
    if profile:
        return _("Control slide, lot {lot}, profile {profile}: {state}", lot=name, profile=profile, state=state)
    return _("Control slide, lot {lot}: {state}", lot=name, state=state)


def lot_lines(lot: Lot, language: str = "en") -> Iterator[str]:
    """Where the limits come from, what must be known, and which rules are broken."""
    _ = words_of(language)
    if lot.baseline:
        yield _("{n} sessions; limits from {sessions}.", n=len(lot.sessions), sessions=ranges(lot.baseline, language))
    yield from map(recorded_words_of(language), lot.notes)
    yield from (f"{rule.name}: {_(rule.meaning)}." for rule in RULES if rule.name in lot.broken)


def chart_row(chart: Chart, language: str = "en") -> tuple[str, ...]:
    """One chart as a row under `COLUMNS`."""
    _ = words_of(language)
    measure, last = chart.measure, chart.points[-1]
    unit = f" {measure.unit}" if measure.unit else ""
    base = NOTHING if chart.mean is None else fixed(chart.mean, measure.digits, language) + unit
    if chart.deviation is not None:
        spread = fixed(chart.deviation, measure.digits, language)
        base = f"{fixed(chart.mean or 0.0, measure.digits, language)} ± {spread}{unit}"
    newest = fixed(last.value, measure.digits, language) + unit
    if last.cells:
        newest = _("{part} of {n}", part=newest, n=last.cells)
    distance = NOTHING if last.z is None else written_in(language, f"{last.z:+.1f}")
    return _(measure.title), base, newest, distance, " ".join(last.broken), course(chart)


def course(chart: Chart) -> str:
    """The newest sessions as a line of blocks, in standard deviations; "" without limits."""
    found = [point.z for point in chart.points[-_COURSE:] if point.z is not None]
    return "".join(_LEVELS[min(7, max(0, int(z + 4)))] for z in found)


def drift_line(drift: Drift, language: str = "en") -> str:
    """One measure over the ordinary sessions."""
    _ = words_of(language)
    measure, found = drift.measure, drift.trend
    first, last = drift.sessions
    measured, n = _(measure.title), found.sessions
    span = _("{measure}, {n} sessions ({first} to {last})", measure=measured, n=n, first=first, last=last)
    p = written_in(language, f"{found.p:.2g}")
    if not found.drifts:
        return _("{span}: no drift (p = {p}).", span=span, p=p)
    line = _(
        "{span}: DRIFTS from {low} to {high}, {slope} a session (p = {p}).",
        span=span,
        low=fixed(found.first, measure.digits, language),
        high=fixed(found.last, measure.digits, language),
        slope=written_in(language, f"{found.slope:+.{measure.digits + 2}f}"),
        p=p,
    )
    if drift.reached_in is None or drift.limit is None:
        return line
    limit = fixed(drift.limit, measure.digits, language)
    reached = _(
        "If it goes on, {limit}, where frames are refused, in {n} sessions.", limit=limit, n=f"{drift.reached_in:.0f}"
    )
    return f"{line} {reached}"


def day_rows(view: Overview, language: str = "en") -> Iterator[tuple[str, ...]]:
    """The reviewers' agreement, a row a day and reviewer, under `DAY_COLUMNS`."""
    for one in view.agreement:
        low, percent, high = (fixed(share, 1, language) for share in one.percent)
        kappa = NOTHING
        if one.kappa is not None:
            kappa = "{} ({} – {})".format(*(fixed(end, 2, language) for end in one.kappa))
        yield (
            one.day.isoformat(),
            printable(one.who),
            str(one.cells),
            str(one.same),
            f"{percent} ({low} – {high})",
            kappa,
            str(one.unclassified),
        )


def plain_lines(view: Overview, language: str = "en") -> Iterator[str]:
    """The whole, for a pipe."""
    _ = words_of(language)
    if not view.lots:
        yield _(NO_CONTROLS)
    for lot in view.lots:
        yield lot_title(lot, language)
        yield from lot_lines(lot, language)
        yield from aligned([[_(name) for name in COLUMNS], *(chart_row(chart, language) for chart in lot.charts)])
        yield _(SHARE_NOTE)
        yield ""
    yield _(DRIFTS)
    yield from (drift_line(one, language) for one in view.drifts)
    yield drift_note(language) if view.drifts else _(TOO_FEW)
    if view.agreement:
        yield ""
        yield _(REVIEWERS)
        yield from aligned([[_(name) for name in DAY_COLUMNS], *day_rows(view, language)])
        yield day_note(language)
    yield _(RESEARCH_USE_NOTICE)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of text as lines with their columns one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def ranges(sessions: Sequence[int], language: str = "en") -> str:
    """Numbers of sessions in words, such as "sessions 1 to 20" or "20 sessions from 1 to 31"."""
    _ = words_of(language)
    first, last = sessions[0], sessions[-1]
    if last - first + 1 == len(sessions):
        return _("sessions {first} to {last}", first=first, last=last)
    return _("{n} sessions from {first} to {last}", n=len(sessions), first=first, last=last)
