"""Tables for other programs: the report as CSV, and all cells or fields as CSV or JSON, row by row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.escaped import as_utf8, json_text, without_controls
from hemato_edge.labels import ERYTHROBLAST, KINDS, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hemato_edge.store.records import CellRecord, FieldRecord
    from hemato_edge.views.report.figure import Figure
    from hemato_edge.views.report.model import ClassShare, Estimates, Report

_PIXEL_DIGITS, _SHARE_DIGITS = 3, 6
"""Decimals of lengths and of scores: what single precision holds, without its noise."""
REPORT_COLUMNS = (
    *("session", "sample", "label", "count", "percent", "ci_low_percent", "ci_high_percent"),
    *("estimate_percent", "reference_low", "reference_high", "flag"),
    *("per_100_wbc", "per_100_wbc_ci_low", "per_100_wbc_ci_high"),
    *("e9_per_l", "e9_per_l_ci_low", "e9_per_l_ci_high", "profile", "notice"),
)
"""The report's columns: a clean rectangle, numbers as numbers with a decimal point, empty where there is none."""
FIELD_COLUMNS = (
    *("session", "field", "frame_index", "utc", "monotonic_s", "source", "width", "height"),
    *("region", "x_px", "y_px", "pose_confidence", *(f"seen_{kind}" for kind in KINDS)),
    *("new_cells", "new_rbc", "new_platelet", "quality", "latency_ms"),
)
"""The columns of `field_row`."""


BOM = "\ufeff"
"""The byte order mark by which a spreadsheet knows that a CSV file is UTF-8."""


def report_csv(*reports: Report) -> str:
    """Reports as CSV (RFC 4180, UTF-8 with a mark): a row a class, then unclassified, erythroblasts, counts, fields."""
    stream = io.StringIO()
    stream.write(BOM)
    writer = csv.DictWriter(stream, REPORT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        writer.writerows(report_rows(report))
    return stream.getvalue()


def report_rows(report: Report) -> Iterator[dict[str, object]]:
    """The rows of the report as a table, keys from `REPORT_COLUMNS`; what has no figure is left out."""
    every = {
        "session": report.session.id,
        "sample": spreadsheet_safe(report.session.label),
        "profile": spreadsheet_safe("" if report.calibration is None else report.calibration.profile),
        "notice": report.notice,
    }
    yield from ({**row, **every} for row in (*map(_class_columns, report.differential), *_further_rows(report)))


def _class_columns(row: ClassShare) -> dict[str, object]:
    low, high = row.reference or (None, None)
    return {
        "label": row.label,
        "count": row.count,
        "percent": row.percent,
        "ci_low_percent": row.ci_low,
        "ci_high_percent": row.ci_high,
        "estimate_percent": row.estimate,
        "reference_low": low,
        "reference_high": high,
        "flag": row.flag,
    }


def _further_rows(report: Report) -> Iterator[dict[str, object]]:
    nucleated = report.nucleated_red_cells
    volumes = _volume_columns(report.estimates)
    yield {"label": UNCLASSIFIED, "count": report.unclassified}
    ends = {"per_100_wbc_ci_low": nucleated.ci_low, "per_100_wbc_ci_high": nucleated.ci_high}
    yield {"label": ERYTHROBLAST, "count": nucleated.count, "per_100_wbc": nucleated.per_100_wbc, **ends}
    for kind, count in report.counts.items():
        yield {"label": kind, "count": count, **volumes.get(kind, {})}
    yield {"label": "fields", "count": report.fields}
    for level in report.subtypes:
        for one in level.shares:
            share = {} if one.percent is None else _percent_row("", one.cells, one.percent)
            yield {"count": one.cells, **share, "label": f"{level.label}:{one.value}"}
    yield from _red_cell_rows(report)
    for name, frames in report.warnings.items():
        yield {"label": f"warning:{name}", "count": frames}


def _red_cell_rows(report: Report) -> Iterator[dict[str, object]]:
    """Figures of red cells and platelets, those that are percentages of cells, and the estimates of platelets."""
    if report.red_cells is not None:
        yield _percent_row("rbc:diameter_cv", report.red_cells.cells, report.red_cells.spread_percent)
    pallor, platelets = report.red_cell_morphology.pallor, report.red_cell_morphology.platelets
    if pallor is not None and pallor.hypochromic_percent is not None:
        row = _percent_row("rbc:hypochromic", pallor.cells, pallor.hypochromic_percent)
        yield row | {"flag": pallor.grade}
    shapes = report.red_cell_morphology.shapes
    for one in () if shapes is None else shapes.shapes:
        if shapes is not None and one.percent is not None:
            yield _percent_row(f"rbc:{one.shape}", shapes.named, one.percent) | {"flag": one.grade}
    estimates = {"red_count": platelets.by_red_count_e9_per_l}
    estimates["oil_fields"] = None if platelets.oil_fields is None else platelets.oil_fields.e9_per_l
    for name, per_l in estimates.items():
        if per_l is not None:
            yield {"label": f"platelet:{name}", **_per_l_columns(per_l)}
    if platelets.seen:
        flag = "clumps" if platelets.clumps else None
        yield {"label": "platelet:giant", "count": platelets.giant}
        yield {"label": "platelet:clumped", "count": platelets.clumped, "flag": flag}


def _percent_row(label: str, cells: int, share: Figure) -> dict[str, object]:
    ends = {"ci_low_percent": share.ci_low, "ci_high_percent": share.ci_high}
    return {"label": label, "count": cells, "percent": share.value, **ends}


def _per_l_columns(per_l: Figure) -> dict[str, object]:
    return {"e9_per_l": per_l.value, "e9_per_l_ci_low": per_l.ci_low, "e9_per_l_ci_high": per_l.ci_high}


def _volume_columns(estimates: Estimates | None) -> dict[str, dict[str, object]]:
    """Kind → its estimate per litre, for those that have one."""
    if estimates is None:
        return {}
    return {
        kind: _per_l_columns(estimate.e9_per_l)
        for kind, estimate in (("wbc", estimates.white), ("platelet", estimates.platelet))
        if estimate is not None
    }


def cell_columns(labels: Iterable[str]) -> tuple[str, ...]:
    """The columns of `cell_row` for a session whose classifier answers `labels`."""
    return (
        *("session", "field", "cell", "source", "region", "x_px", "y_px", "x0", "y0", "x1", "y1"),
        *("diameter_px", "score", "label", "relabelled", "best", "confidence", *(f"p_{label}" for label in labels)),
        *("joined_field", "joined_cell", "attributes"),
    )


def cell_row(cell: CellRecord) -> dict[str, object]:
    """One cell as a flat row; see `CellRecord` for units. `p_LABEL` are the calibrated probabilities.

    `attributes` are the morphological ones of which the model was sure, name → value and probability.

    A row with `joined_field` and `joined_cell` does not count: it was found to be that other cell.
    """
    x0, y0, x1, y1 = (round(side, _PIXEL_DIGITS) for side in cell.box)
    return {
        "session": cell.session,
        "field": cell.field,
        "cell": cell.number,
        "source": cell.source,
        "region": cell.region,
        "x_px": round(cell.x_px, _PIXEL_DIGITS),
        "y_px": round(cell.y_px, _PIXEL_DIGITS),
        **{"x0": x0, "y0": y0, "x1": x1, "y1": y1},
        "diameter_px": round(cell.diameter_px, _PIXEL_DIGITS),
        "score": round(cell.score, _SHARE_DIGITS),
        "label": cell.label,
        "relabelled": cell.relabelled,
        "best": cell.best,
        "confidence": round(cell.confidence, _SHARE_DIGITS),
        **{f"p_{label}": round(probability, _SHARE_DIGITS) for label, probability in cell.probabilities.items()},
        "joined_field": None if cell.joined is None else cell.joined[0],
        "joined_cell": None if cell.joined is None else cell.joined[1],
        "attributes": {one.name: [one.value, one.confidence] for one in cell.attributes} or None,
    }


def field_row(field: FieldRecord) -> dict[str, object]:
    """One field as a flat row; see `FieldRecord` for units. `quality` and `latency_ms` stay dicts."""
    return {
        "session": field.session,
        "field": field.number,
        "frame_index": field.frame_index,
        "utc": field.utc.isoformat(),
        "monotonic_s": field.monotonic_s,
        "source": field.source,
        "width": field.width,
        "height": field.height,
        "region": field.region,
        "x_px": field.x_px,
        "y_px": field.y_px,
        "pose_confidence": field.pose_confidence,
        **{f"seen_{kind}": count for kind, count in field.seen.items()},
        "new_cells": field.new_cells,
        "new_rbc": field.new_rbc,
        "new_platelet": field.new_platelet,
        "quality": field.quality,
        "latency_ms": field.latency_ms,
    }


def csv_lines(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The rows as CSV (RFC 4180, UTF-8), line by line: a heading, then one line a row, with a `notice` column.

    What differs from row to row (dicts) becomes JSON text in its column.

    Raises:
        ValueError: a row has other columns.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, (*columns, "notice"), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        yield _taken(stream)
        texts = {name: json_text(value) if isinstance(value, dict) else value for name, value in row.items()}
        writer.writerow(
            {name: spreadsheet_safe(text) for name, text in texts.items()} | {"notice": RESEARCH_USE_NOTICE}
        )
    yield _taken(stream)


def _taken(stream: io.StringIO) -> str:
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return text


def json_lines(name: str, rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The rows as one JSON document `{"notice": …, NAME: [row, …]}`, line by line."""
    yield f'{{"notice": {json_text(RESEARCH_USE_NOTICE)}, "{name}": ['
    comma = ""
    for row in rows:
        yield f"{comma}\n{json_text(row, ensure_ascii=False, allow_nan=False)}"
        comma = ","
    yield "\n]}\n"


def spreadsheet_safe(value: object) -> object:
    """`value`, with an apostrophe before a text that a spreadsheet would run as a formula, and without control codes.

    As OWASP advises against CSV injection: https://owasp.org/www-community/attacks/CSV_Injection
    """
    if not isinstance(value, str):
        return value
    text = without_controls(as_utf8(value))
    return f"'{text}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else text
