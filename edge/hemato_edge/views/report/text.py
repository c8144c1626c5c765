"""The report for a screen: tables in a terminal, plain lines where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.views.report.incidents import camera_line, tracking_line
from hemato_edge.views.report.words import (
    approval_line,
    calibration_line,
    caution_lines,
    class_rows,
    count_lines,
    estimate_lines,
    letterhead_lines,
    morphology_lines,
    nucleated_lines,
    printable,
    red_cell_line,
    scale_line,
    target_line,
    times_line,
    warning_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Group
    from rich.table import Table

    from hemato_edge.views.report.model import Report, Summary


def differential_table(summary: Summary, title: str = "White-cell differential") -> Table:
    """The differential as a rich table; `title` stands over it and may be empty."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.title = Text(title, style="bold") if title else None
    table.add_column("Class", max_width=30)  # it wraps where there is no room: no figure is ever cut
    for heading in ("Cells", "%", "95 % CI"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", style="bold red")
    for index, cells in enumerate(class_rows(summary)):
        if index == len(summary.differential):
            table.add_section()
        table.add_row(*cells)
    return table


def report_lines(report: Report) -> list[str]:
    """The whole report as plain lines of text."""
    return [*_head_lines(report), "", *_table_lines(report), "", *_foot_lines(report)]


def report_view(report: Report) -> Group:
    """The whole report as a rich renderable, for a terminal; says the same as `report_lines`."""
    from rich.console import Group
    from rich.text import Text

    *foot, notice = _foot_lines(report)
    return Group(
        *(Text(line, style="bold" if index == 0 else "") for index, line in enumerate(_head_lines(report))),
        differential_table(report, title=""),
        *(Text(line) for line in foot),
        Text(notice, style="bold"),
    )


def _table_lines(report: Report) -> Iterator[str]:
    yield f"{'Class':<30}{'Cells':>7}{'%':>8}{'95 % CI':>15}"
    for index, (name, count, percent, ends, flag) in enumerate(class_rows(report)):
        if index == len(report.differential):
            yield "-" * 60
        yield f"{name:<30}{count:>7}{percent:>8}{ends:>15} {flag}".rstrip()


def _head_lines(report: Report) -> Iterator[str]:
    session = report.session
    label = f' "{printable(session.label)}"' if session.label else ""
    yield f"White-cell differential, session {session.id}{label} ({session.state})"
    yield f"{times_line(report)}, camera {printable(session.camera)}"
    if session.state == "interrupted" and session.ended_because:
        yield f"Interrupted: {printable(session.ended_because)}"
    for name, text in letterhead_lines(report):
        yield f"{name}: {printable(text)}"
    if target_line(report):
        yield target_line(report)
    yield from caution_lines(report)


def _foot_lines(report: Report) -> Iterator[str]:
    yield from count_lines(report)
    yield from warning_lines(report)
    for note in (camera_line(report.camera), report.field_of_view, tracking_line(report.tracking)):
        if note:
            yield note
    yield from nucleated_lines(report)
    yield from morphology_lines(report)
    yield from estimate_lines(report)
    if red_cell_line(report):
        yield red_cell_line(report)
    reviewed = report.reviewed
    if reviewed.cells:
        yield (
            f"Reviewed by {printable(', '.join(reviewed.by))}: {reviewed.cells} cells, "
            f"{reviewed.changed} of them relabelled"
        )
    yield approval_line(report)
    yield report.method
    if report.calibration:
        yield calibration_line(report)
    made = report.provenance
    yield f"Model {made.model_name} {made.model_sha256[:16]}, settings {made.settings_sha256[:16]}"
    for change, frames in made.settings_changed.items():
        yield f"Changed while it ran: {printable(change)}, after {frames} frames"
    if scale_line(report):
        yield f"Scale: {scale_line(report)}"
    yield f"Database {printable(made.database)}"
    if report.adapted:
        yield printable(report.adapted)
    yield report.verified
    yield report.notice
