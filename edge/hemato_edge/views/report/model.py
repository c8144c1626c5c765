"""The report of one session as plain data: what every format of it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.counting.differential import differential
from hemato_edge.counting.intervals import CONFIDENCE
from hemato_edge.counting.known_confusions import Confusions
from hemato_edge.labels import ARTEFACT, ERYTHROBLAST, LEUKOCYTES
from hemato_edge.store.records import SETTING_CHANGED
from hemato_edge.views.report.areas import DIGITS, areas_of, estimates_of, per_field, white_per_1000_red
from hemato_edge.views.report.camera import camera_summary
from hemato_edge.views.report.tracking import tracking_summary

if TYPE_CHECKING:
    from hemato_edge.counting.differential import ClassRow, Differential
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord, Totals

_LEVEL = f"{100 * CONFIDENCE:.0f} %"
METHOD = (
    f"Percentages are of the classified white cells. {_LEVEL} CI: Clopper-Pearson; "
    "it covers sampling, not the classifier's own errors."
)
"""What the percentages and intervals mean where the classifier's confusion matrix is not known."""
METHOD_CORRECTED = (
    f"Percentages are of the classified white cells. {_LEVEL} CI: it covers sampling and the classifier's confusions "
    "as its held-out cells showed them; another laboratory's slides may be confused more."
)
"""What they mean where it is; see `counting.confusion`."""
NO_SCALE = "No micrometre and no absolute estimate: the session has no calibration (`hemato-edge calibrate`)."
"""Why a report has no densities."""
ROUGH = (
    "Estimates per litre are a rule of thumb for a monolayer (settings estimate.*); their CI covers chance and the "
    "scale's uncertainty, not the smear's thickness. The area is where such cells were seen whole, each place once."
)
"""What the densities mean."""
_WARNING = "warning:"
_CALIBRATION = ("profile", "objective", "um_per_px", "um_per_px_uncertainty", "method", "controls_state")


def build_report(reader: Reader, session: int | None = None, nucleated_count: float | None = None) -> dict[str, object]:
    """The report of a session, the last one for None; serialisable as JSON.

    Keys: session, fields, frames, dropped, tracking_lost, tracking (see `tracking_summary`), camera (see
    `camera_summary`), regions (stretches of unbroken tracking; 0 for pictures from files), counts {wbc, rbc, platelet}
    of unique cells, differential [{label, count, percent, ci_low, ci_high, estimate, reference, flag}] in percent,
    classified, unclassified, nucleated_red_cells {count, per_100_wbc, ci_low, ci_high, white_count_factor, counter,
    corrected_white_count}, per_field {wbc, rbc, platelet} and white_per_1000_red, each {value, ci_low, ci_high} or
    None; estimates {area_mm2, um_per_px, um_per_px_uncertainty, white, platelet} or None, estimates_note, reviewed
    {cells, changed, artefacts, by}, calibration {profile, objective, um_per_px, um_per_px_uncertainty, method,
    controls_state} or None; warnings {name: frames}; rejected {reason: frames}, skipped {reason: sources}, method,
    provenance, notice. Without a classified white cell the percentages and intervals are None.

    Args:
        reader: of the database.
        session: its number.
        nucleated_count: what a counter that takes nucleated red cells for white ones gave, in any unit; the report then
            has its white count corrected.

    Raises:
        StoreError: there is no such session, or the database cannot be read.
    """
    record = reader.session(session)
    totals = reader.totals(record.id)
    summary = count_summary(totals, confusions_of(record), reference_of(record.settings), nucleated_count)
    tallies = reader.tallies(record.id)
    return {
        "session": session_summary(record),
        **summary,
        **_in_relation(reader, record, totals, tallies),
        "reviewed": _reviewed(reader, totals),
        "calibration": _calibration(record),
        "warnings": {name.removeprefix(_WARNING): n for name, n in tallies.items() if name.startswith(_WARNING)},
        "tracking_lost": tallies.get("tracking_lost", 0),
        "tracking": tracking_summary(tallies),
        "camera": camera_summary(tallies),
        "regions": reader.regions(record.id),
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
        "ended_because": record.ended_because,
        "camera": record.camera,
        "target": record.target,
        "started_utc": record.started_utc.isoformat(),
        "ended_utc": None if ended is None else ended.isoformat(),
    }


def count_summary(
    totals: Totals,
    confusion: Confusions | None = None,
    reference: Mapping[str, tuple[float, float]] | None = None,
    nucleated_count: float | None = None,
) -> dict[str, object]:
    """The counts and the differential of a session; serialisable as JSON.

    Without the confusion matrix it is quick enough for a live table; see `differential` for the arguments.
    """
    result = differential(totals.labels, totals.reviewed, confusion, reference)
    return {
        "fields": totals.fields,
        "frames": totals.frames,
        "dropped": totals.dropped,
        "counts": {"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet},
        "differential": [_class_row(row) for row in result.rows],
        "classified": result.classified,
        "unclassified": result.unclassified,
        "nucleated_red_cells": _nucleated(result, totals, nucleated_count),
        "rejected": totals.rejected,
        "skipped": totals.skipped,
        "method": METHOD_CORRECTED if result.corrected else METHOD,
    }


def as_json(report: dict[str, object]) -> str:
    """One JSON document."""
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)


def setting(settings: Mapping[str, object], key: str) -> object | None:
    """A recorded setting such as "reference.neutrophil", however the session nested it; None where it is not there."""
    if key in settings:
        return settings[key]
    section, _, name = key.partition(".")
    found = settings.get(section)
    return found.get(name) if isinstance(found, Mapping) else None


def reference_of(settings: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    """The reference intervals that a session was recorded with, label → percent; none where it has none."""
    found = {label: setting(settings, f"reference.{label}") for label in LEUKOCYTES}
    return {
        label: (float(ends[0]), float(ends[1]))
        for label, ends in found.items()
        if isinstance(ends, (list, tuple)) and len(ends) == 2
    }


def confusions_of(record: SessionRecord) -> Confusions | None:
    """What is known of how a session's model errs; None where that was not recorded."""
    return None if record.confusion is None else Confusions(record.confusion)


def _class_row(row: ClassRow) -> dict[str, object]:
    return {
        "label": row.label,
        "count": row.count,
        "percent": _rounded(row.percent),
        "ci_low": _rounded(row.ci_low),
        "ci_high": _rounded(row.ci_high),
        "estimate": _rounded(row.estimate),
        "reference": None if row.reference is None else list(row.reference),
        "flag": row.flag,
    }


def _nucleated(result: Differential, totals: Totals, counted: float | None) -> dict[str, object]:
    low, high = result.erythroblasts_interval or (None, None)
    factor = result.white_count_factor
    return {
        "count": totals.labels.get(ERYTHROBLAST, 0),
        "per_100_wbc": _rounded(result.erythroblasts_per_100),
        "ci_low": _rounded(low),
        "ci_high": _rounded(high),
        "white_count_factor": _rounded(factor),
        "counter": counted,
        "corrected_white_count": None if counted is None or factor is None else _rounded(counted * factor),
    }


def _in_relation(
    reader: Reader, record: SessionRecord, totals: Totals, tallies: Mapping[str, int]
) -> dict[str, object]:
    """The counts per field, per red cell, and, with a scale, per square millimetre and litre."""
    fields = list(reader.fields(record.id))
    counts = {"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet}
    areas = areas_of(fields, tallies)
    um_per_px, uncertainty = (
        setting(record.settings, f"calibration.{name}") for name in ("um_per_px", "um_per_px_uncertainty")
    )
    factors = {
        kind: factor
        for kind, name in (("wbc", "white"), ("platelet", "platelet"))
        if isinstance(factor := setting(record.settings, f"estimate.{name}_factor"), (int, float))
    }
    estimates = None
    if isinstance(um_per_px, (int, float)) and fields:
        known = float(uncertainty) if isinstance(uncertainty, (int, float)) else 0.0
        estimates = estimates_of(counts, areas, float(um_per_px), known, factors)
    return {
        "per_field": per_field(counts, fields, areas),
        "white_per_1000_red": white_per_1000_red(counts, areas),
        "estimates": estimates,
        "estimates_note": NO_SCALE if estimates is None else ROUGH,
    }


def _reviewed(reader: Reader, totals: Totals) -> dict[str, object]:
    changed = reader.changed(totals.session)
    return {
        "cells": sum(totals.reviewed.values()),
        "changed": changed,
        "artefacts": totals.reviewed.get(ARTEFACT, 0),
        "by": sorted({change.who for change in reader.relabels(totals.session)}),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _calibration(record: SessionRecord) -> dict[str, object] | None:
    """The profile that the session was recorded with; None without one."""
    if setting(record.settings, "calibration.profile") is None:
        return None
    return {name: setting(record.settings, f"calibration.{name}") for name in _CALIBRATION}


def _provenance(reader: Reader, record: SessionRecord) -> dict[str, object]:
    return {
        "model_name": record.model_name,
        "model_sha256": record.model_sha256,
        "settings_sha256": record.settings_sha256,
        "settings": record.settings,
        "settings_changed": {
            name.removeprefix(SETTING_CHANGED): frames
            for name, frames in reader.tallies(record.id).items()
            if name.startswith(SETTING_CHANGED)
        },
        "versions": record.versions,
        "database": str(reader.path),
        "boot_id": record.boot_id,
        "red_cell_px": record.red_cell_px,
        "stain": record.stain,
        "last_link": reader.last_link(record.id),
    }
