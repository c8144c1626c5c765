"""The report as one self-contained page that prints well.

It is put together from text, without a template engine: the page has one shape and no designer, an engine would be one
more thing to install on the device, and what comes from outside goes through `html.escape` in `_text` alone.
"""

from __future__ import annotations

from html import escape
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from hemato_edge.labels import BY_NAME, REVIEW_LABELS
from hemato_edge.views.report.charts import MAX_REGIONS, bar_axis, interval_bar, slide_map
from hemato_edge.views.report.gallery import gallery
from hemato_edge.views.report.html_style import STYLE
from hemato_edge.views.report.model import setting
from hemato_edge.views.report.text import (
    calibration_line,
    count_lines,
    estimate_lines,
    warning_lines,
)
from hemato_edge.views.report.tracking import tracking_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord, FieldRecord

_NOTHING = "–"
_MAX_FILES = 60


def report_page(reader: Reader, report: Mapping[str, Any]) -> Iterator[str]:
    """The page, piece by piece.

    Args:
        reader: of the database that the report was made from; the pictures, fields and cells are read from it.
        report: from `report.build_report`.
    """
    session = report["session"]
    fields, cells = list(reader.fields(session["id"])), list(reader.counted(session["id"]))
    title = f"White-cell differential, session {session['id']}"
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{STYLE}</style></head><body>"
    yield from _head(report)
    yield from _differential(report)
    yield from _counts(report)
    yield from _quality(report, fields)
    yield from _map(report, fields, cells)
    yield "<h2>Cells</h2>"
    yield '<p class="quiet">Left the cell, right what spoke for the label (class activation map).</p>'
    yield from gallery(reader, cells)
    yield from _changes(reader, session["id"])
    yield from _provenance(report)
    yield f'<p class="notice">{_text(report["notice"])}</p></body></html>\n'


def _text(value: object) -> str:
    """The one way in for what was not written here."""
    return escape(str(value))


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    session = report["session"]
    label = f" “{session['label']}”" if session["label"] else ""
    yield f"<h1>White-cell differential{_text(label)}</h1>"
    times = " to ".join(
        f"{time[:19].replace('T', ' ')}" for time in (session["started_utc"], session["ended_utc"] or "…")
    )
    yield f"<p>Session {session['id']}, {_text(session['state'])}, {_text(times)} UTC, "
    yield f"camera {_text(session['camera'])}</p>"
    target = session["target"]
    if target and report["classified"] < target:
        yield f"<p>The target of {target} white cells was not reached: {report['classified']} were classified.</p>"
    yield f'<p class="notice">{_text(report["notice"])}</p>'


def _differential(report: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Differential</h2><table><tr><th>Class</th>"
    yield '<th class="number">Cells</th><th class="number">%</th><th class="number">95 % CI</th><th>Reference</th>'
    yield f'<th></th><th class="bar">{bar_axis()}</th></tr>'
    for row in report["differential"]:
        yield _class_row(row)
    classified = report["classified"]
    whole = "100.0" if classified else _NOTHING
    yield '<tr class="sum"><td>Classified white cells</td>'
    yield f'<td class="number">{classified}</td><td class="number">{whole}</td>'
    yield "<td></td><td></td><td></td><td></td></tr>"
    yield _plain_row("Unclassified", report["unclassified"])
    nucleated = report["nucleated_red_cells"]
    yield _plain_row("Nucleated red cells", nucleated["count"])
    if nucleated["per_100_wbc"] is not None:
        interval = f"{nucleated['ci_low']:.1f} – {nucleated['ci_high']:.1f}"
        yield "<tr><td>Nucleated red cells /100 WBC</td><td></td>"
        yield f'<td class="number">{nucleated["per_100_wbc"]:.1f}</td>'
        yield f'<td class="number">{interval}</td><td></td><td></td><td></td></tr>'
    yield f'</table><p class="quiet">{_text(report["method"])} '
    yield "Dot: what was counted; line: its interval; band: the reference interval"
    estimated = any(row["estimate"] is not None for row in report["differential"])
    yield "; tick: the percentage with the known confusions taken back" if estimated else ""
    yield ". A class is flagged only when its whole interval lies outside of the reference interval.</p>"


def _class_row(row: Mapping[str, Any]) -> str:
    percent, interval = _NOTHING, _NOTHING
    if row["percent"] is not None:
        percent, interval = f"{row['percent']:.1f}", f"{row['ci_low']:.1f} – {row['ci_high']:.1f}"
    shown_as = BY_NAME[row["label"]]
    reference = f"{row['reference'][0]:g} – {row['reference'][1]:g}" if row["reference"] else ""
    return (
        f'<tr><td><i class="dot" style="background:{shown_as.colour}"></i>{shown_as.plural}</td>'
        f'<td class="number">{row["count"]}</td><td class="number">{percent}</td>'
        f'<td class="number">{interval}</td><td class="quiet">{reference}</td>'
        f'<td class="flag">{_text((row["flag"] or "").upper())}</td><td class="bar">{interval_bar(row)}</td></tr>'
    )


def _plain_row(name: str, count: int) -> str:
    return f'<tr><td>{name}</td><td class="number">{count}</td><td></td><td></td><td></td><td></td><td></td></tr>'


def _counts(report: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Counts</h2>"
    for line in warning_lines(report):
        yield f'<p class="flag">{_text(line)}</p>'
    for line in (*count_lines(report), *estimate_lines(report)):
        yield f"<p>{_text(line)}</p>"


def _quality(report: Mapping[str, Any], fields: list[FieldRecord]) -> Iterator[str]:
    yield '<h2>Quality</h2><div class="columns"><table><tr><th>Not counted</th><th class="number">frames</th></tr>'
    reasons = {**report["rejected"], "dropped": report["dropped"], **report["skipped"]}
    for reason, count in reasons.items():
        yield f'<tr><td>{_text(reason.replace("_", " "))}</td><td class="number">{count}</td></tr>'
    yield f'<tr><td>tracking lost</td><td class="number">{report["tracking_lost"]} ×</td></tr></table>'
    yield '<table><tr><th>Recorded fields</th><th class="number">lower quartile</th>'
    yield '<th class="number">median</th><th class="number">upper</th></tr>'
    for heading, measures in (("", (f.quality for f in fields)), (", ms", (f.latency_ms for f in fields))):
        for name, values in _by_name(measures).items():
            quarters = quantiles(values, n=4) if len(values) > 1 else values * 3
            cells = "".join(f'<td class="number">{value:.3g}</td>' for value in quarters)
            yield f"<tr><td>{_text(name.replace('_', ' '))}{heading}</td>{cells}</tr>"
    yield "</table></div>"


def _by_name(measures: Iterable[Mapping[str, float | None]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in measures:
        for name, value in one.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return found


def _map(report: Mapping[str, Any], fields: list[FieldRecord], cells: list[CellRecord]) -> Iterator[str]:
    yield "<h2>The way over the slide</h2>"
    regions: dict[int, list[FieldRecord]] = {}
    for field in fields:
        if field.region is not None:
            regions.setdefault(field.region, []).append(field)
    if not regions:
        yield from _files(fields)
        return
    stretches = f"{len(regions)} unbroken stretch{'es' if len(regions) > 1 else ''}"
    yield f"<p>{len(fields)} fields in {stretches}. {_text(tracking_line(report['tracking']))}</p>"
    um_per_px = setting(report["provenance"]["settings"], "calibration.um_per_px")
    largest = sorted(regions, key=lambda region: -len(regions[region]))[:MAX_REGIONS]
    for region in sorted(largest):
        own = [cell for cell in cells if cell.region == region]
        scale = um_per_px if isinstance(um_per_px, (int, float)) else None
        size = f"{len(regions[region])} fields, {len(own)} cells"
        yield f'<div class="map"><h3>Stretch {region} <small>{size}</small></h3>'
        yield f"{slide_map(regions[region], own, scale)}</div>"
    if len(regions) > MAX_REGIONS:
        yield f"<p>{len(regions) - MAX_REGIONS} shorter stretches are not drawn.</p>"
    names = [label for label in REVIEW_LABELS if any(cell.name == label for cell in cells)]
    classes = (BY_NAME[name] for name in names)
    dots = (f'<span><i class="dot" style="background:{one.colour}"></i>{one.plural}</span>' for one in classes)
    yield f'<div class="key">{"".join(dots)}</div>'


def _files(fields: list[FieldRecord]) -> Iterator[str]:
    yield f"<p>{len(fields)} pictures, each a field of its own.</p>"
    yield '<table><tr><th>Picture</th><th class="number">white</th><th class="number">red</th>'
    yield '<th class="number">platelets</th></tr>'
    for field in fields[:_MAX_FILES]:
        counts = "".join(f'<td class="number">{field.seen[kind]}</td>' for kind in ("wbc", "rbc", "platelet"))
        yield f'<tr><td class="mono">{_text(field.source)}</td>{counts}</tr>'
    yield "</table>"
    if len(fields) > _MAX_FILES:
        yield f"<p>{len(fields) - _MAX_FILES} more are in the database.</p>"


def _changes(reader: Reader, session: int) -> Iterator[str]:
    everything = reader.relabels(session)
    changes = [change for change in everything if change.before != change.after]
    if not everything:
        return
    who = sorted({change.who for change in everything})
    yield f"<h2>Review</h2><p>By {_text(', '.join(who))}: {len(changes)} changes, "
    yield f"{len(everything) - len(changes)} confirmations; the database has all of them.</p>"
    if not changes:
        return
    yield "<table><tr><th>When (UTC)</th><th>Who</th><th>Cell</th><th>Change</th></tr>"
    for change in changes:
        what = f"{BY_NAME[change.before].words} → {BY_NAME[change.after].words}"
        undone = " (undone)" if change.undoes else ""
        yield f"<tr><td>{change.utc.isoformat()[:19].replace('T', ' ')}</td><td>{_text(change.who)}</td>"
        yield f"<td>field {change.field}, cell {change.cell}</td><td>{_text(what)}{undone}</td></tr>"
    yield "</table>"


def _provenance(report: Mapping[str, Any]) -> Iterator[str]:
    made = report["provenance"]
    size = made["red_cell_px"]
    rows: dict[str, object] = {
        "Model": f"{made['model_name']}, SHA-256 {made['model_sha256']}",
        "Settings": "; ".join(
            [
                f"SHA-256 {made['settings_sha256']}",
                *(f"{change} after {frames} frames" for change, frames in made["settings_changed"].items()),
            ]
        ),
        "Calibration": calibration_line(report).removeprefix("Calibration ") or "none",
        "Red-cell diameter": _NOTHING if size is None else f"{size:.1f} px",
        "Versions": ", ".join(f"{name} {version}" for name, version in made["versions"].items()),
        "Database": made["database"],
        "Boot": made["boot_id"],
        "Last link of its chain": made["last_link"] or _NOTHING,
    }
    yield "<h2>Provenance</h2><table>"
    for name, value in rows.items():
        yield f'<tr><td>{name}</td><td class="mono">{_text(value)}</td></tr>'
    yield "</table>"
