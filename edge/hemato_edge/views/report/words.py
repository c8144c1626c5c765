"""A report in words and rows of text: what the terminal, the page and plain text say alike, in any of the languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME, ERYTHROBLAST
from hemato_edge.languages import recorded_words_of, words_of, written_in
from hemato_edge.morphology import SUBTYPES, Attribute, phrases
from hemato_edge.views.report.cautions import mark, unknown_mark
from hemato_edge.views.report.figures import (
    decimal,
    fixed,
    interval,
    printable,
    three_digits,
    with_ends,
)
from hemato_edge.wall_clock import CLOCK_SET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from hemato_edge.views.report.model import Report, Summary

_COMMON = 0.5
_MOSTLY = 0.5
"""Share of the frames, above which it is said what to do about those that are rejected."""
WARNINGS = {
    CLOCK_SET: "the clock was set while the session ran; times before that are of the clock as it was",
    "scale_contradicts_profile": "the red cells do not fit the calibration profile's scale; use no figure per area, "
    "and calibrate again (`hemato-edge calibrate`)",
}
"""What is wrong and what to do, by the name of the warning."""
ADVICE = {
    "negative": "The picture is a negative. Look at the camera's settings.",
    "channels_swapped": "The colour channels are exchanged. Look at the camera's settings.",
    "stain_far": "The stain is far from what the program knows. Its names are doubtful.",
    "no_scale": "No red cell is seen. Move to a place with red cells.",
    "out_of_focus": "Out of focus. Turn the fine focus.",
    "moving": "The stage moves too quickly. Hold it for a moment.",
    "too_dark": "Too dark. Turn the lamp up, or open the diaphragm.",
    "saturated": "Too bright. Turn the lamp down.",
    "too_dense": "The cells lie upon each other. Move towards the feathered edge.",
    "empty": "Nearly no cells here. Move on.",
    "other_size": "The camera's pictures have another size than the profile's.",
}
"""What is wrong and what to do, by the reason for which a frame is not counted."""


def spaced(name: str, language: str = "en") -> str:
    """A name of the record, such as "out_of_focus", in words."""
    return words_of(language)(name.replace("_", " "))


def class_rows(summary: Summary, language: str = "en") -> Iterator[tuple[str, str, str, str, str]]:
    """The rows of the differential: name, cells, percent, interval and flag, the classes first, then what stands apart.

    The first rows are the classes, as many as `summary.differential` has.
    """
    _ = words_of(language)
    for row in summary.differential:
        yield (
            _(BY_NAME[row.label].plural),
            str(row.count),
            decimal(row.percent, language),
            interval(row.interval, language),
            mark(summary, row, language),
        )
    classified = summary.classified
    yield _("Classified white cells"), str(classified), decimal(100.0 if classified else None, language), "", ""
    yield _("Unclassified"), str(summary.unclassified), "", "", ""
    nucleated = summary.nucleated_red_cells
    yield _("Nucleated red cells"), str(nucleated.count), "", "", unknown_mark(summary, ERYTHROBLAST, language)
    ends = interval(nucleated.interval, language) if classified else ""
    yield _("Nucleated red cells /100 WBC"), "", decimal(nucleated.per_100_wbc, language), ends, ""


def morphology_lines(report: Report, language: str = "en") -> Iterator[str]:
    """Class by class, the morphology that the model was sure of in at least half of its cells, with the share of these.

    A phrase of two attributes has the smaller share.
    """
    _ = words_of(language)
    for row in report.differential:
        found = [
            Attribute(name, *next((value, count / row.count) for value, count in values.items()))
            for name, values in report.attributes.get(row.label, {}).items()
            if values and row.count and name not in SUBTYPES
        ]
        said = [f"{_(words)} {share:.0%}" for words, share in phrases(found) if share >= _COMMON]
        if said:
            cells = f"{_(BY_NAME[row.label].plural)} ({row.count})"
            yield _("{cells}, morphology: {what}", cells=cells, what=", ".join(said))


def approval_line(report: Report, language: str = "en") -> str:
    """Whether a person has approved the session."""
    _ = words_of(language)
    found = report.approval
    if found is None:
        return _("Not approved by anybody.")
    line = _("Approved by {who} on {when} UTC.", who=printable(found.who), when=f"{found.utc:%Y-%m-%d %H:%M}")
    return f"{line} {_('A label was changed since: approve it again.')}" if found.overtaken else line


def letterhead_lines(report: Report, language: str = "en") -> Iterator[tuple[str, str]]:
    """Name and text of what the laboratory prints on its reports, where it is given."""
    _ = words_of(language)
    head = report.letterhead
    for name, text in (
        (_("Laboratory"), head.laboratory),
        (_("Operator"), head.operator),
        (_("Comment"), head.comment),
    ):
        if text:
            yield name, text


def count_lines(summary: Summary, language: str = "en") -> Iterator[str]:
    """The counts of cells, fields and rejected frames."""
    _ = words_of(language)
    counts, unclassified, share = summary.counts, summary.unclassified, ""
    if unclassified:
        percent = fixed(100 * unclassified / counts["wbc"], 1, language)
        share = f" ({_('{percent} % unclassified', percent=percent)})"
    yield (
        f"{_('White cells')} {counts['wbc']}{share}   {_('Red cells')} {counts['rbc']}   "
        f"{_('Platelets')} {counts['platelet']}"
    )
    dropped = f", {_('{n} dropped', n=summary.dropped)}" if summary.dropped else ""
    yield _("{fields} fields recorded of {frames} frames", fields=summary.fields, frames=summary.frames) + dropped
    for heading, reasons in ((_("Rejected"), summary.rejected), (_("Skipped"), summary.skipped)):
        if reasons:
            yield f"{heading}: {_counted(reasons, language)}"
    commonest = max(summary.rejected, key=lambda reason: summary.rejected[reason], default="")
    if commonest in ADVICE and sum(summary.rejected.values()) > _MOSTLY * summary.frames:
        yield _(ADVICE[commonest])


def _counted(reasons: Mapping[str, int], language: str) -> str:
    return ", ".join(f"{spaced(reason, language)} {count}" for reason, count in reasons.items())


def estimate_lines(report: Report, language: str = "en") -> Iterator[str]:
    """The counts per field and per red cell, and the densities, or why there are none."""
    _ = words_of(language)
    shares = [
        f"{heading} {with_ends(figure, language)}"
        for heading, kind in ((_("white cells"), "wbc"), (_("red cells"), "rbc"), (_("platelets"), "platelet"))
        if (figure := report.per_field[kind]) is not None
    ]
    if shares:
        yield _("Per field of view (95 % CI): {shares}", shares=", ".join(shares))
    if report.white_per_1000_red is not None:
        yield _("White cells per 1,000 red cells: {figure}", figure=with_ends(report.white_per_1000_red, language))
    estimates = report.estimates
    if estimates is not None:
        for heading, estimate in ((_("White cells"), estimates.white), (_("Platelets"), estimates.platelet)):
            if estimate is not None:
                yield _(
                    "{cells} about {value} ×10⁹/L ({low} – {high}), {density} per mm² on {area} mm²",
                    cells=heading,
                    value=three_digits(estimate.e9_per_l.value, language),
                    low=three_digits(estimate.e9_per_l.ci_low, language),
                    high=three_digits(estimate.e9_per_l.ci_high, language),
                    density=three_digits(estimate.per_mm2.value, language),
                    area=three_digits(estimates.area_mm2, language),
                )
    yield _(report.estimates_note)


def scale_line(report: Report, language: str = "en") -> str:
    """How large a red cell was in the pictures; empty where that was not found out."""
    size = report.provenance.red_cell_px
    return "" if size is None else words_of(language)("a red cell is {n} px across", n=fixed(size, 1, language))


def nucleated_lines(report: Report, language: str = "en") -> Iterator[str]:
    """What nucleated red cells mean for a counter's white count."""
    _ = words_of(language)
    nucleated = report.nucleated_red_cells
    factor = nucleated.white_count_factor
    if nucleated.count and factor is not None:
        yield _(
            "White count of a counter that includes nucleated red cells: multiply by {factor}.",
            factor=fixed(factor, 3, language),
        )
    if nucleated.corrected_white_count is not None:
        yield _(
            "White count {counter}, corrected for nucleated red cells: {corrected}",
            counter=written_in(language, f"{nucleated.counter:g}"),
            corrected=fixed(nucleated.corrected_white_count, 2, language),
        )


def calibration_line(report: Report, language: str = "en") -> str:
    """The calibration profile of the session; empty without one."""
    text = calibration_words(report, language)
    return text and f"{words_of(language)('Calibration')} {text}"


def calibration_words(report: Report, language: str = "en") -> str:
    """The same without its heading."""
    _ = words_of(language)
    profile = report.calibration
    if profile is None:
        return ""
    scale = _("no scale")
    if profile.um_per_px is not None:
        scale = _(
            "{n} µm per pixel (± {uncertainty}, 95 %) by {method}",
            n=written_in(language, f"{profile.um_per_px:.4g}"),
            uncertainty=written_in(language, f"{profile.um_per_px_uncertainty or 0:.2g}"),
            method=spaced(str(profile.method), language),
        )
    objective = ""
    if profile.objective:
        objective = f", {_('objective {name}', name=printable(str(profile.objective)))}"
    return f"{printable(profile.profile)}{objective}: {scale}"


def warning_lines(report: Report, language: str = "en") -> Iterator[str]:
    """What makes the session doubtful."""
    _ = words_of(language)
    for name, frames in report.warnings.items():
        if name == CLOCK_SET and report.clock_set is not None:
            continue  # told with by how much
        what = _(WARNINGS[name]) if name in WARNINGS else spaced(name, language)
        yield _("WARNING: {what} ({n} frames)", what=what, n=frames)


def target_line(report: Report, language: str = "en") -> str:
    """That the target was missed; empty where it was reached, or there was none."""
    target = report.session.target
    if not target or report.classified >= target:
        return ""
    return words_of(language)(
        "The target of {target} white cells was not reached: {n} were classified.",
        target=target,
        n=report.classified,
    )


def interruption(report: Report, language: str = "en") -> str:
    """Why the session was interrupted; empty where it was not, or nobody knows."""
    session = report.session
    if session.state != "interrupted" or not session.ended_because:
        return ""
    return printable(recorded_words_of(language)(session.ended_because))


def times_line(report: Report, language: str = "en") -> str:
    """When the session was, in UTC and, where that is another, in the device's own zone."""
    _ = words_of(language)
    start, end = report.period
    told = _("{start} to {end} {zone}", start=_moment(start), end=_moment(end), zone="UTC")
    known = [time for time in (start, end) if time is not None]
    if not known or not any(time.astimezone().utcoffset() for time in known):
        return told
    zones = [time.astimezone().strftime("%Z") for time in known]
    begun = _moment(None if start is None else start.astimezone())
    if zones[0] != zones[-1]:  # summer time began or ended in between
        begun += f" {zones[0]}"
    ended = _moment(None if end is None else end.astimezone())
    return f"{told} ({_('{start} to {end} {zone}', start=begun, end=ended, zone=zones[-1])})"


def _moment(time: datetime | None) -> str:
    return "…" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"
