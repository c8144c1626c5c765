"""The report of one session as plain data: what every format of it shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.counting.differential import CONFIDENCE, differential
from hemato_edge.labels import ERYTHROBLAST
from hemato_edge.views.tracking import tracking_summary

if TYPE_CHECKING:
    from hemato_edge.counting.differential import ClassRow
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord, Totals

_DIGITS = 6
"""Decimals of a percentage in data. People are shown one: so many more that rounding twice does no harm."""

METHOD = (
    f"Percentages are of the classified white cells. {100 * CONFIDENCE:.0f} % CI: Clopper-Pearson; "
    "it covers sampling, not the classifier's own errors."
)
"""What the percentages and intervals mean; stands under every table of them."""


def build_report(reader: Reader, session: int | None = None) -> dict[str, object]:
    """The report of a session, the last one for None; serialisable as JSON.

    Keys: session, fields, frames, dropped, tracking_lost, tracking
    (see `tracking_summary`), regions (stretches of unbroken tracking; 0 for pictures
    from files), counts {wbc, rbc, platelet} of unique cells, differential [{label, count, percent, ci_low, ci_high}]
    in percent, classified, unclassified, nucleated_red_cells {count, per_100_wbc, white_count_factor}, rejected
    {reason: frames}, skipped {reason: sources}, method, provenance, notice. Without a classified white cell the
    percentages and intervals are None.

    Raises:
        StoreError: there is no such session, or the database cannot be read.
    """
    record = reader.session(session)
    return {
        "session": session_summary(record),
        **count_summary(reader.totals(record.id)),
        "tracking_lost": reader.tallies(record.id).get("tracking_lost", 0),
        "tracking": tracking_summary(reader.tallies(record.id)),
        "regions": reader.regions(record.id),
        "method": METHOD,
        "provenance": _provenance(reader, record),
        "notice": RESEARCH_USE_NOTICE,
    }


def session_summary(record: SessionRecord) -> dict[str, object]:
    """What identifies a session; serialisable as JSON."""
    ended = record.ended_utc
    return {
        "id": record.id,
        "label": record.label,
        "state": record.state,
        "camera": record.camera,
        "target": record.target,
        "started_utc": record.started_utc.isoformat(),
        "ended_utc": None if ended is None else ended.isoformat(),
    }


def count_summary(totals: Totals) -> dict[str, object]:
    """The counts and the differential of a session; serialisable as JSON."""
    result = differential(totals.labels)
    return {
        "fields": totals.fields,
        "frames": totals.frames,
        "dropped": totals.dropped,
        "counts": {"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet},
        "differential": [_class_row(row) for row in result.rows],
        "classified": result.classified,
        "unclassified": result.unclassified,
        "nucleated_red_cells": {
            "count": totals.labels.get(ERYTHROBLAST, 0),
            "per_100_wbc": _rounded(result.erythroblasts_per_100),
            "white_count_factor": _rounded(result.white_count_factor),
        },
        "rejected": totals.rejected,
        "skipped": totals.skipped,
    }


def as_json(report: dict[str, object]) -> str:
    """One JSON document."""
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)


def _class_row(row: ClassRow) -> dict[str, object]:
    return {
        "label": row.label,
        "count": row.count,
        "percent": _rounded(row.percent),
        "ci_low": _rounded(row.ci_low),
        "ci_high": _rounded(row.ci_high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _provenance(reader: Reader, record: SessionRecord) -> dict[str, object]:
    return {
        "model_name": record.model_name,
        "model_sha256": record.model_sha256,
        "settings_sha256": record.settings_sha256,
        "settings": record.settings,
        "versions": record.versions,
        "database": str(reader.path),
        "boot_id": record.boot_id,
        "red_cell_px": record.red_cell_px,
        "stain": record.stain,
    }
