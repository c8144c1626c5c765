"""The report for a screen: tables in a terminal, plain lines where there is none."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from hemato_edge.languages import recorded_words_of, words_of
from hemato_edge.views.report.cautions import caution_lines
from hemato_edge.views.report.figures import printable
from hemato_edge.views.report.incidents import camera_line, tracking_line
from hemato_edge.views.report.red_cells.words import red_cell_lines
from hemato_edge.views.report.subtypes.words import subtype_lines
from hemato_edge.views.report.words import (
    approval_line,
    calibration_line,
    class_rows,
    count_lines,
    estimate_lines,
    interruption,
    letterhead_lines,
    morphology_lines,
    nucleated_lines,
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

_NAME_COLUMNS = 30


def differential_table(summary: Summary, title: str = "White-cell differential", language: str = "en") -> Table:
    """The differential as a rich table; `title` stands over it and may be empty."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    _ = words_of(language)
    table = Table(box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.title = Text(title, style="bold") if title else None
    table.add_column(_("Class"), max_width=30)  # it wraps where there is no room: no figure is ever cut
    for heading in (_("Cells"), "%", _("95 % CI")):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", style="bold red")
    for index, cells in enumerate(class_rows(summary, language)):
        if index == len(summary.differential):
            table.add_section()
        table.add_row(*cells)
    return table


def report_lines(report: Report, language: str = "en") -> list[str]:
    """The whole report as plain lines of text, in a language of `languages.LANGUAGES`."""
    return [*_head_lines(report, language), "", *table_lines(report, language), "", *_foot_lines(report, language)]


def report_view(report: Report, language: str = "en") -> Group:
    """The whole report as a rich renderable, for a terminal; says the same as `report_lines`."""
    from rich.console import Group
    from rich.text import Text

    *foot, notice = _foot_lines(report, language)
    return Group(
        *(Text(line, style="bold" if index == 0 else "") for index, line in enumerate(_head_lines(report, language))),
        differential_table(report, title="", language=language),
        *(Text(line) for line in foot),
        Text(notice, style="bold"),
    )


def table_lines(report: Summary, language: str = "en") -> Iterator[str]:
    """The differential as plain lines."""
    _ = words_of(language)
    rows = list(class_rows(report, language))
    wide = max([_NAME_COLUMNS, *(_columns(name) + 2 for name, *_rest in rows)])
    yield f"{_padded(_('Class'), wide)}{_('Cells'):>7}{'%':>8}{_('95 % CI'):>15}"
    for index, (name, count, percent, ends, flag) in enumerate(rows):
        if index == len(report.differential):
            yield "-" * (wide + _NAME_COLUMNS)
        yield f"{_padded(name, wide)}{count:>7}{percent:>8}{ends:>15} {flag}".rstrip()


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - _columns(text))


def _columns(text: str) -> int:
    """Columns of a text in a terminal: marks that sit on another letter, as in Hindi, take none."""
    return sum(unicodedata.category(letter) not in ("Mn", "Me", "Cf") for letter in text)


def _head_lines(report: Report, language: str) -> Iterator[str]:
    _ = words_of(language)
    session = report.session
    label = f' "{printable(session.label)}"' if session.label else ""
    yield f"{_('White-cell differential')}, {_('session {n}', n=session.id)}{label} ({_(session.state)})"
    yield f"{times_line(report, language)}, {_('camera {name}', name=printable(session.camera))}"
    if why := interruption(report, language):
        yield f"{_('Interrupted')}: {why}"
    for name, text in letterhead_lines(report, language):
        yield f"{name}: {printable(text)}"
    if target_line(report):
        yield target_line(report, language)
    yield from caution_lines(report, language)


def _foot_lines(report: Report, language: str) -> Iterator[str]:
    _, recorded = words_of(language), recorded_words_of(language)
    yield from count_lines(report, language)
    yield from warning_lines(report, language)
    yield from filter(
        None,
        (
            camera_line(report.camera, language),
            recorded(report.field_of_view),
            tracking_line(report.tracking, language),
        ),
    )
    yield from nucleated_lines(report, language)
    yield from morphology_lines(report, language)
    yield from subtype_lines(report, language)
    yield from estimate_lines(report, language)
    yield from red_cell_lines(report, language)
    reviewed = report.reviewed
    if reviewed.cells:
        who = printable(", ".join(reviewed.by))
        yield _(
            "Reviewed by {who}: {cells} cells, {changed} of them relabelled",
            who=who,
            cells=reviewed.cells,
            changed=reviewed.changed,
        )
    yield approval_line(report, language)
    if report.quality_control:
        yield printable(recorded(report.quality_control))
    yield _(report.method)
    if report.calibration:
        yield calibration_line(report, language)
    yield from _provenance_lines(report, language)
    if report.adapted:
        yield printable(recorded(report.adapted))
    yield recorded(report.verified)
    yield _(report.notice)


def _provenance_lines(report: Report, language: str) -> Iterator[str]:
    _ = words_of(language)
    made = report.provenance
    hashes = {"digest": made.model_sha256[:16], "settings": made.settings_sha256[:16]}
    yield _("Model {name} {digest}, settings {settings}", name=made.model_name, **hashes)
    for change, frames in made.settings_changed.items():
        yield _("Changed while it ran: {change}, after {n} frames", change=printable(change), n=frames)
    if scale_line(report):
        yield f"{_('Scale')}: {scale_line(report, language)}"
    yield f"{_('Database')} {printable(made.database)}"
