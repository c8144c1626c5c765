"""The report for a screen: tables in a terminal, plain lines where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.labels import BY_NAME, LEUKOCYTES
from hemato_edge.views.report.camera import camera_line
from hemato_edge.views.report.model import count_summary
from hemato_edge.views.report.tracking import tracking_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Group
    from rich.table import Table

    from hemato_edge.store.records import Totals

_NOTHING = "–"
_WARNINGS = {
    "scale_contradicts_profile": "the red cells do not fit the calibration profile's scale; use no figure per area, "
    "and calibrate again (`hemato-edge calibrate`)",
}
"""What is wrong and what to do, by the name of the warning."""


def differential_table(summary: Mapping[str, Any], title: str = "White-cell differential") -> Table:
    """The differential as a rich table.

    Args:
        summary: from `report.build_report` or `report.count_summary`.
        title: stands over it; may be empty.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.title = Text(title, style="bold") if title else None
    table.add_column("Class", min_width=30)
    for heading in ("Cells", "%", "95 % CI"):
        table.add_column(heading, justify="right")
    table.add_column("", style="bold red")
    for index, cells in enumerate(_rows(summary)):
        if index == len(LEUKOCYTES):
            table.add_section()
        table.add_row(*cells)
    return table


def live_table(totals: Totals, status: Mapping[str, object]) -> Group:
    """What `run` shows while it counts.

    Args:
        totals: what is on disk.
        status: name → value, shown over the table in this order; None values are left out.
    """
    from rich.console import Group
    from rich.text import Text

    summary = count_summary(totals)
    lines = [f"{name:<10}{printable(str(value))}" for name, value in status.items() if value is not None]
    return Group(
        *(Text(line) for line in lines),
        differential_table(summary),
        *(Text(line) for line in count_lines(summary)),
        Text(RESEARCH_USE_NOTICE, style="dim"),
    )


def progress_line(totals: Totals) -> str:
    """The state of a running session in one plain line, for logs and pipes."""
    summary: dict[str, Any] = count_summary(totals)
    classes = " ".join(f"{BY_NAME[row['label']].short} {row['count']}" for row in summary["differential"])
    return (
        f"fields {totals.fields}  WBC {totals.wbc} ({classes}, unclassified {summary['unclassified']})"
        f"  RBC {totals.rbc}  PLT {totals.platelet}  rejected {sum(totals.rejected.values())}  dropped {totals.dropped}"
    )


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The whole report as plain lines of text.

    Args:
        report: from `report.build_report`.
    """
    return [*_head_lines(report), "", *_table_lines(report), "", *_foot_lines(report)]


def report_view(report: Mapping[str, Any]) -> Group:
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


def session_lines(document: Mapping[str, Any]) -> list[str]:
    """The list of sessions as plain lines of text.

    Args:
        document: {"database", "sessions": [session and count summaries], "notice"}.
    """
    rows = [("", "started (UTC)", "state", "fields", "WBC", "RBC", "PLT", "camera", "label")]
    rows += [
        (
            str(row["id"]),
            row["started_utc"][:19].replace("T", " "),
            row["state"],
            str(row["fields"]),
            *(str(row["counts"][kind]) for kind in ("wbc", "rbc", "platelet")),
            printable(row["camera"]),
            printable(row["label"]),
        )
        for row in document["sessions"]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"Database {printable(document['database'])}",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
        *(() if document["sessions"] else ("No session is recorded; `hemato-edge run` records one.",)),
        document["notice"],
    ]


def printable(text: str) -> str:
    """`text` without what would move a terminal's cursor or break a line."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """The table's lines: the classes, then what stands apart from them."""
    for row in summary["differential"]:
        interval = f"{row['ci_low']:.1f} – {row['ci_high']:.1f}" if row["percent"] is not None else _NOTHING
        flag = (row["flag"] or "").upper()
        yield BY_NAME[row["label"]].plural, str(row["count"]), _decimal(row["percent"]), interval, flag
    classified = summary["classified"]
    yield "Classified white cells", str(classified), "100.0" if classified else _NOTHING, "", ""
    yield "Unclassified", str(summary["unclassified"]), "", "", ""
    nucleated = summary["nucleated_red_cells"]
    yield "Nucleated red cells", str(nucleated["count"]), "", "", ""
    interval = f"{nucleated['ci_low']:.1f} – {nucleated['ci_high']:.1f}" if classified else ""
    yield "Nucleated red cells /100 WBC", "", _decimal(nucleated["per_100_wbc"]), interval, ""


def _figure(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _with_ends(figure: Mapping[str, float | None]) -> str:
    value, low, high = figure["value"], figure["ci_low"], figure["ci_high"]
    return f"{_figure(value or 0.0)} ({_figure(low or 0.0)} – {'∞' if high is None else _figure(high)})"


def _decimal(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _table_lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'Class':<30}{'Cells':>7}{'%':>8}{'95 % CI':>15}"
    for index, (name, count, percent, interval, flag) in enumerate(_rows(report)):
        if index == len(LEUKOCYTES):
            yield "-" * 60
        yield f"{name:<30}{count:>7}{percent:>8}{interval:>15} {flag}".rstrip()


def _head_lines(report: Mapping[str, Any]) -> Iterator[str]:
    session = report["session"]
    label = f' "{printable(session["label"])}"' if session["label"] else ""
    yield f"White-cell differential, session {session['id']}{label} ({session['state']})"
    times = [session["started_utc"], session["ended_utc"] or "…"]
    yield f"{' to '.join(time[:19].replace('T', ' ') for time in times)} UTC, camera {printable(session['camera'])}"
    if session["state"] == "interrupted" and session["ended_because"]:
        yield f"Interrupted: {printable(session['ended_because'])}"
    target = session["target"]
    if target and report["classified"] < target:
        yield f"The target of {target} white cells was not reached: {report['classified']} were classified."


def count_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The counts of cells, fields and rejected frames in words."""
    counts = summary["counts"]
    unclassified = summary["unclassified"]
    share = f" ({100 * unclassified / counts['wbc']:.1f} % unclassified)" if unclassified else ""
    yield f"White cells {counts['wbc']}{share}   Red cells {counts['rbc']}   Platelets {counts['platelet']}"
    dropped = f", {summary['dropped']} dropped" if summary["dropped"] else ""
    yield f"{summary['fields']} fields recorded of {summary['frames']} frames{dropped}"
    for heading, reasons in (("Rejected", summary["rejected"]), ("Skipped", summary["skipped"])):
        if reasons:
            named = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in reasons.items())
            yield f"{heading}: {named}"


def estimate_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The counts per field and per red cell, and the densities, in words, or why there are none."""
    shares = [
        f"{heading} {_with_ends(report['per_field'][kind])}"
        for heading, kind in (("white cells", "wbc"), ("red cells", "rbc"), ("platelets", "platelet"))
        if report["per_field"][kind] is not None
    ]
    if shares:
        yield f"Per field of view (95 % CI): {', '.join(shares)}"
    if report["white_per_1000_red"] is not None:
        yield f"White cells per 1,000 red cells: {_with_ends(report['white_per_1000_red'])}"
    estimates = report["estimates"]
    if estimates is not None:
        for heading, kind in (("White cells", "white"), ("Platelets", "platelet")):
            if estimates[kind] is not None:
                per_l, per_mm2 = estimates[kind]["e9_per_l"], estimates[kind]["per_mm2"]
                ends = f"{_figure(per_l['ci_low'])} – {_figure(per_l['ci_high'])}"
                yield (
                    f"{heading} about {_figure(per_l['value'])} ×10⁹/L ({ends}), "
                    f"{_figure(per_mm2['value'])} per mm² on {_figure(estimates['area_mm2'])} mm²"
                )
    yield report["estimates_note"]


def calibration_line(report: Mapping[str, Any]) -> str:
    """The calibration profile of the session in words; empty without one."""
    profile = report["calibration"]
    if profile is None:
        return ""
    scale = "no scale"
    if profile["um_per_px"] is not None:
        scale = f"{profile['um_per_px']:.4g} µm per pixel (± {profile['um_per_px_uncertainty'] or 0:.2g}, 95 %)"
        scale += f" by {str(profile['method']).replace('_', ' ')}"
    objective = f", objective {printable(str(profile['objective']))}" if profile["objective"] else ""
    return f"Calibration {printable(str(profile['profile']))}{objective}: {scale}"


def warning_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """What makes the session doubtful, in words."""
    for name, frames in report["warnings"].items():
        yield f"WARNING: {_WARNINGS.get(name, name.replace('_', ' '))} ({frames} frames)"


def _foot_lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield from count_lines(report)
    yield from warning_lines(report)
    for note in (camera_line(report["camera"]), tracking_line(report["tracking"])):
        if note:
            yield note
    factor = report["nucleated_red_cells"]["white_count_factor"]
    if report["nucleated_red_cells"]["count"] and factor is not None:
        yield f"White count of a counter that includes nucleated red cells: multiply by {factor:.3f}."
    corrected = report["nucleated_red_cells"]["corrected_white_count"]
    if corrected is not None:
        counter = report["nucleated_red_cells"]["counter"]
        yield f"White count {counter:g}, corrected for nucleated red cells: {corrected:.2f}"
    yield from estimate_lines(report)
    if report["reviewed"]["cells"]:
        yield (
            f"Reviewed by {printable(', '.join(report['reviewed']['by']))}: {report['reviewed']['cells']} cells, "
            f"{report['reviewed']['changed']} of them relabelled"
        )
    yield report["method"]
    if report["calibration"]:
        yield calibration_line(report)
    made = report["provenance"]
    yield f"Model {made['model_name']} {made['model_sha256'][:16]}, settings {made['settings_sha256'][:16]}"
    for change, frames in made["settings_changed"].items():
        yield f"Changed while it ran: {printable(change)}, after {frames} frames"
    if made["red_cell_px"] is not None:
        yield f"Red-cell diameter {made['red_cell_px']:.1f} px"
    yield f"Database {printable(made['database'])}"
    yield report["notice"]
