"""A report in words and rows of text: what the terminal, the page and plain text say alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.counting.differential import FLAGGED_FROM
from hemato_edge.labels import BY_NAME
from hemato_edge.morphology import Attribute, phrases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hemato_edge.views.report.model import ClassShare, Figure, Report, Summary

_COMMON = 0.5
NOTHING = "–"
"""Stands where there is no figure."""
_WARNINGS = {
    "scale_contradicts_profile": "the red cells do not fit the calibration profile's scale; use no figure per area, "
    "and calibrate again (`hemato-edge calibrate`)",
}
"""What is wrong and what to do, by the name of the warning."""


def class_rows(summary: Summary) -> Iterator[tuple[str, str, str, str, str]]:
    """The rows of the differential: name, cells, percent, interval and flag, the classes first, then what stands apart.

    The first rows are the classes, as many as `summary.differential` has.
    """
    for row in summary.differential:
        yield (
            BY_NAME[row.label].plural,
            str(row.count),
            decimal(row.percent),
            interval(row.interval),
            mark(summary, row),
        )
    classified = summary.classified
    yield "Classified white cells", str(classified), "100.0" if classified else NOTHING, "", ""
    yield "Unclassified", str(summary.unclassified), "", "", ""
    nucleated = summary.nucleated_red_cells
    yield "Nucleated red cells", str(nucleated.count), "", "", ""
    ends = interval(nucleated.interval) if classified else ""
    yield "Nucleated red cells /100 WBC", "", decimal(nucleated.per_100_wbc), ends, ""


def mark(summary: Summary, row: ClassShare) -> str:
    """What stands beside a class: its flag, or why it has none; `caution_lines` says more."""
    if row.label in summary.unanswered:
        return "not known to the model"
    uneven = {one.label: one for one in getattr(summary, "uneven_rejection", ())}
    if row.label in uneven:
        return "TOO LOW?" if uneven[row.label].more else "TOO HIGH?"
    return (row.flag or "").upper()


def morphology_lines(report: Report) -> Iterator[str]:
    """Class by class, the morphology that the model was sure of in at least half of its cells, with the share of these.

    A phrase of two attributes has the smaller share.
    """
    for row in report.differential:
        found = [
            Attribute(name, *next((value, count / row.count) for value, count in values.items()))
            for name, values in report.attributes.get(row.label, {}).items()
            if values and row.count
        ]
        said = [f"{words} {share:.0%}" for words, share in phrases(found) if share >= _COMMON]
        if said:
            yield f"{BY_NAME[row.label].plural}, morphology: {', '.join(said)}"


def caution_lines(report: Report) -> Iterator[str]:
    """What must be read before the percentages."""
    if report.classified < FLAGGED_FROM:
        cells = "no cell was" if not report.classified else f"{report.classified} were"
        yield f"Fewer than {FLAGGED_FROM} cells: {cells} classified. Nothing is flagged LOW or HIGH."
    if report.unanswered:
        names = " and ".join(BY_NAME[label].plural.lower() for label in report.unanswered)
        yield (
            f"This model does not know {names}: such cells were given other names or none, and the other percentages "
            "hold them."
        )
    for one in report.uneven_rejection:
        rejected, named = 100 * one.rejected / one.of_rejected, 100 * one.named / one.of_named
        yield (
            f"{BY_NAME[one.label].plural} are left unclassified {'more' if one.more else 'less'} often than other "
            f"cells: {rejected:.0f} % of the {one.of_rejected} unclassified cells that were reviewed, {named:.0f} % of "
            f"the classified. Their percentage is too {'low' if one.more else 'high'}, and its interval does not cover "
            f"that: review the other {report.unclassified}."
        )
    if report.clock_set is not None:
        way = "forward" if report.clock_set.by_s > 0 else "back"
        yield (
            f"The clock was set {way} by {duration(abs(report.clock_set.by_s))} while the session ran; its start is "
            "reckoned back from its last field."
        )


def approval_line(report: Report) -> str:
    """Whether a person has approved the session."""
    found = report.approval
    if found is None:
        return "Not approved by anybody."
    line = f"Approved by {printable(found.who)} on {found.utc:%Y-%m-%d %H:%M} UTC."
    return f"{line} A label was changed since: approve it again." if found.overtaken else line


def letterhead_lines(report: Report) -> Iterator[tuple[str, str]]:
    """Name and text of what the laboratory prints on its reports, where it is given."""
    head = report.letterhead
    for name, text in (("Laboratory", head.laboratory), ("Operator", head.operator), ("Comment", head.comment)):
        if text:
            yield name, text


def duration(seconds: float) -> str:
    """A length of time in the two largest units."""
    left = round(seconds)
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def interval(ends: tuple[float, float] | None) -> str:
    """The ends of an interval with one decimal."""
    return NOTHING if ends is None else f"{ends[0]:.1f} – {ends[1]:.1f}"


def decimal(value: float | None) -> str:
    """A figure with one decimal."""
    return NOTHING if value is None else f"{value:.1f}"


def three_digits(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def count_lines(summary: Summary) -> Iterator[str]:
    """The counts of cells, fields and rejected frames."""
    counts = summary.counts
    unclassified = summary.unclassified
    share = f" ({100 * unclassified / counts['wbc']:.1f} % unclassified)" if unclassified else ""
    yield f"White cells {counts['wbc']}{share}   Red cells {counts['rbc']}   Platelets {counts['platelet']}"
    dropped = f", {summary.dropped} dropped" if summary.dropped else ""
    yield f"{summary.fields} fields recorded of {summary.frames} frames{dropped}"
    for heading, reasons in (("Rejected", summary.rejected), ("Skipped", summary.skipped)):
        if reasons:
            named = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in reasons.items())
            yield f"{heading}: {named}"


def estimate_lines(report: Report) -> Iterator[str]:
    """The counts per field and per red cell, and the densities, or why there are none."""
    shares = [
        f"{heading} {_with_ends(figure)}"
        for heading, kind in (("white cells", "wbc"), ("red cells", "rbc"), ("platelets", "platelet"))
        if (figure := report.per_field[kind]) is not None
    ]
    if shares:
        yield f"Per field of view (95 % CI): {', '.join(shares)}"
    if report.white_per_1000_red is not None:
        yield f"White cells per 1,000 red cells: {_with_ends(report.white_per_1000_red)}"
    estimates = report.estimates
    if estimates is not None:
        for heading, estimate in (("White cells", estimates.white), ("Platelets", estimates.platelet)):
            if estimate is not None:
                per_l = estimate.e9_per_l
                ends = f"{three_digits(per_l.ci_low)} – {_end(per_l.ci_high)}"
                yield (
                    f"{heading} about {three_digits(per_l.value)} ×10⁹/L ({ends}), "
                    f"{three_digits(estimate.per_mm2.value)} per mm² on {three_digits(estimates.area_mm2)} mm²"
                )
    yield report.estimates_note


def scale_line(report: Report) -> str:
    """How large a red cell was in the pictures; empty where that was not found out."""
    size = report.provenance.red_cell_px
    return "" if size is None else f"a red cell is {size:.1f} px across"


def red_cell_line(report: Report) -> str:
    """Mean and spread of the red cells' diameters; empty where too few stand free."""
    sizes = report.red_cells
    if sizes is None:
        return ""
    mean = f"{_fixed(sizes.mean_px, 1)} px" if sizes.mean_um is None else f"{_fixed(sizes.mean_um, 2)} µm"
    return (
        f"Red-cell diameter, {sizes.cells} cells that stand free: mean {mean}, coefficient of variation "
        f"{_fixed(sizes.spread_percent, 1)} % (95 % CI of sampling; of diameters in a dried smear, no RDW)"
    )


def _fixed(figure: Figure, digits: int) -> str:
    """A figure and its interval with so many decimals."""
    end = NOTHING if figure.ci_high is None else f"{figure.ci_high:.{digits}f}"
    return f"{figure.value:.{digits}f} ({figure.ci_low:.{digits}f} – {end})"


def nucleated_lines(report: Report) -> Iterator[str]:
    """What nucleated red cells mean for a counter's white count."""
    nucleated = report.nucleated_red_cells
    factor = nucleated.white_count_factor
    if nucleated.count and factor is not None:
        yield f"White count of a counter that includes nucleated red cells: multiply by {factor:.3f}."
    if nucleated.corrected_white_count is not None:
        yield (
            f"White count {nucleated.counter:g}, corrected for nucleated red cells: "
            f"{nucleated.corrected_white_count:.2f}"
        )


def calibration_line(report: Report) -> str:
    """The calibration profile of the session; empty without one."""
    profile = report.calibration
    if profile is None:
        return ""
    scale = "no scale"
    if profile.um_per_px is not None:
        scale = f"{profile.um_per_px:.4g} µm per pixel (± {profile.um_per_px_uncertainty or 0:.2g}, 95 %)"
        scale += f" by {str(profile.method).replace('_', ' ')}"
    objective = f", objective {printable(str(profile.objective))}" if profile.objective else ""
    return f"Calibration {printable(profile.profile)}{objective}: {scale}"


def warning_lines(report: Report) -> Iterator[str]:
    """What makes the session doubtful."""
    for name, frames in report.warnings.items():
        yield f"WARNING: {_WARNINGS.get(name, name.replace('_', ' '))} ({frames} frames)"


def target_line(report: Report) -> str:
    """That the target was missed; empty where it was reached, or there was none."""
    target = report.session.target
    if not target or report.classified >= target:
        return ""
    return f"The target of {target} white cells was not reached: {report.classified} were classified."


def times_line(report: Report) -> str:
    """When the session was, in UTC and, where that is another, in the device's own zone."""
    start, end = report.period
    told = f"{_moment(start)} to {_moment(end)} UTC"
    known = [time for time in (start, end) if time is not None]
    if not known or not any(time.astimezone().utcoffset() for time in known):
        return told
    local = [None if time is None else time.astimezone() for time in (start, end)]
    zone = known[-1].astimezone().strftime("%Z")
    return f"{told} ({_moment(local[0])} to {_moment(local[1])} {zone})"


def _moment(time: datetime | None) -> str:
    return "…" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def printable(text: str) -> str:
    """`text` without what would move a terminal's cursor or break a line."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _with_ends(figure: Figure) -> str:
    return f"{three_digits(figure.value)} ({three_digits(figure.ci_low)} – {_end(figure.ci_high)})"


def _end(value: float | None) -> str:
    return "∞" if value is None else three_digits(value)
