"""The report as data: its keys are an interface."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, session_start

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import SETTING_CHANGED
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.json_document import as_json, document
from hemato_edge.views.report.formats.tables import BOM, report_csv
from hemato_edge.views.report.formats.text import report_lines
from hemato_edge.views.report.model import Reviewed

if TYPE_CHECKING:
    from pathlib import Path

NUCLEATED_OF_11 = {
    "ci_low": pytest.approx(0.2304, abs=1e-4),  # R: binom.test(1, 11), 0.0022990 to 0.4127801, as odds
    "ci_high": pytest.approx(70.29, abs=0.01),
    "white_count_factor": 0.909091,
    "counter": None,
    "corrected_white_count": None,
}
LABELS = ["neutrophil"] * 6 + ["lymphocyte"] * 4 + ["unclassified"] * 2 + ["erythroblast", "platelet"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_a_report_has_all_that_the_interface_promises(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        report = document(build_report(reader))
    assert report["session"] == {
        "id": 1,
        "label": "sample 12",
        "state": "finished",
        "ended_because": None,
        "camera": "demo",
        "target": 100,
        "started_utc": "2026-03-01T12:00:00+00:00",
        "ended_utc": "2026-03-01T12:02:00+00:00",
    }
    assert (report["fields"], report["frames"], report["dropped"], report["skipped"]) == (2, 4, 1, {})
    assert (report["regions"], report["tracking_lost"]) == (1, 0)
    assert report["counts"] == {"wbc": 12, "rbc": 100, "platelet": 8}
    assert (report["classified"], report["unclassified"]) == (10, 2)
    assert report["rejected"] == {"out_of_focus": 1}
    assert report["nucleated_red_cells"] == {"count": 1, "per_100_wbc": 10.0, **NUCLEATED_OF_11}
    assert report["notice"] == RESEARCH_USE_NOTICE
    rows = {row["label"]: row for row in report["differential"]}
    assert list(rows)[:2] == ["neutrophil", "eosinophil"]
    assert rows["neutrophil"] == {
        "label": "neutrophil",
        "count": 6,
        "percent": 60.0,
        "ci_low": pytest.approx(26.23781, abs=1e-5),  # R: binom.test(6, 10)
        "ci_high": pytest.approx(87.84477, abs=1e-5),
        "estimate": None,  # no confusion matrix was recorded
        "reference": None,
        "flag": None,
    }
    assert report["estimates"] is None
    assert report["reviewed"] == {"cells": 0, "changed": 0, "artefacts": 0, "by": []}


def test_the_provenance_names_what_made_the_counts(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        found = document(build_report(reader))["provenance"]
        settings_hash = reader.session().settings_sha256
        last_link = reader.last_link(1)
    assert isinstance(found, dict)
    assert found.pop("boot_id")
    assert found == {
        "model_name": "classifier",
        "model_sha256": "ab" * 32,
        "settings_sha256": settings_hash,
        "last_link": last_link,
        "settings": {"camera": {"spec": "demo"}},
        "settings_changed": {},
        "versions": {"hemato-edge": "0.1.0"},
        "database": str(path),
        "red_cell_px": 41.5,
        "stain": {"level": 0.8},
    }


def test_settings_changed_while_it_ran_are_reported(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_tallies(session, {"frames": 9, f"{SETTING_CHANGED}quality.min_focus=0.3": 5})
    with Reader(path) as reader:
        report = build_report(reader)
    assert report.provenance.settings_changed == {"quality.min_focus=0.3": 5}
    assert "Changed while it ran: quality.min_focus=0.3, after 5 frames" in list(report_lines(report))


def test_an_empty_session_has_nulls_and_no_division(path: Path) -> None:
    with open_writer(path) as writer:
        writer.start_session(session_start())
        with Reader(path) as reader:
            report = json.loads(as_json(build_report(reader)))
    assert report["session"]["state"] == "running"
    assert report["session"]["ended_utc"] is None
    assert [row["percent"] for row in report["differential"]] == [None] * 6
    assert set(report["nucleated_red_cells"].values()) == {0, None}


def test_lost_tracking_is_reported(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, region=0), {})
        writer.commit_field(session, field_result(1, region=1), {"tracking_lost": 1})
    with Reader(path) as reader:
        report = build_report(reader, session)
    assert (report.regions, report.tracking_lost) == (2, 1)


CALIBRATED = {
    "calibration.um_per_px": 0.5,
    "estimate.white_factor": 0.4,
    "estimate.platelet_factor": 0.6,
    "reference.neutrophil": [0.0, 10.0],
    "reference.monocyte": None,
}


def test_densities_need_a_calibration_and_count_every_place_once(path: Path) -> None:
    record(path, LABELS, settings=CALIBRATED)
    with Reader(path) as reader:
        estimates = document(build_report(reader))["estimates"]
    # the second of two fields of 640 x 480 px lies 9 px to the right of the first
    area_mm2 = 649 * 480 * 0.0005**2
    assert isinstance(estimates, dict)
    assert estimates["area_mm2"] == pytest.approx(area_mm2, abs=1e-6)
    white = estimates["white"]
    assert white["count"] == 12
    assert white["per_mm2"]["value"] == pytest.approx(12 / area_mm2, rel=1e-5)
    assert white["per_mm2"]["ci_low"] == pytest.approx(6.2006 / area_mm2, rel=1e-4)  # Garwood
    assert white["e9_per_l"]["ci_high"] == pytest.approx(0.4 * 20.9616 / area_mm2, rel=1e-4)
    assert estimates["platelet"]["count"] == 8


def test_the_tracked_area_counts_where_a_kind_was_seen_whole(path: Path) -> None:
    """White cells are whole on less ground than platelets are; the session's own areas say on how much."""
    record(path, LABELS, settings=CALIBRATED, tallies={"area_px2:wbc": 40_000, "area_px2:platelet": 60_000})
    with Reader(path) as reader:
        estimates = document(build_report(reader))["estimates"]
    assert isinstance(estimates, dict)
    assert estimates["white"]["per_mm2"]["value"] == pytest.approx(12 / 0.01)
    assert estimates["platelet"]["per_mm2"]["value"] == pytest.approx(8 / 0.015, rel=1e-5)


def test_the_scales_uncertainty_widens_the_densities(path: Path) -> None:
    record(path, LABELS, settings=CALIBRATED | {"calibration.um_per_px_uncertainty": 0.05})
    with Reader(path) as reader:
        white = document(build_report(reader))["estimates"]["white"]["per_mm2"]
    low = math.hypot(math.log(12 / 6.2006), 0.2)  # Garwood, and twice the share of the scale
    assert white["ci_low"] == pytest.approx(white["value"] * math.exp(-low), rel=1e-4)


def test_the_profile_and_its_contradiction_are_told(path: Path) -> None:
    settings = {"calibration": {"profile": "oil-100", "objective": "100x", "um_per_px": 0.1, "method": "micrometer"}}
    record(path, LABELS, settings=settings, tallies={"warning:scale_contradicts_profile": 7})
    with Reader(path) as reader:
        report = build_report(reader)
    text = "\n".join(report_lines(report))
    assert "Calibration oil-100, objective 100x: 0.1 µm per pixel" in text
    assert "WARNING: the red cells do not fit" in text
    assert "(7 frames)" in text
    rows = list(csv.DictReader(io.StringIO(report_csv(report).removeprefix(BOM))))
    assert {row["profile"] for row in rows} == {"oil-100"}
    assert [row["count"] for row in rows if row["label"] == "warning:scale_contradicts_profile"] == ["7"]


def test_reference_intervals_are_those_of_the_recording(path: Path) -> None:
    record(path, [*LABELS, *["neutrophil"] * 90], settings=CALIBRATED)
    with Reader(path) as reader:
        rows = {row["label"]: row for row in document(build_report(reader))["differential"]}
    assert (rows["neutrophil"]["reference"], rows["neutrophil"]["flag"]) == ([0.0, 10.0], "high")
    assert (rows["monocyte"]["reference"], rows["monocyte"]["flag"]) == (None, None)


def test_a_counters_white_count_is_corrected(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        nucleated = build_report(reader, nucleated_count=11.0).nucleated_red_cells
    assert nucleated.corrected_white_count == pytest.approx(10.0)  # 10 nucleated red cells per 100 white cells


def test_the_differential_follows_a_review(path: Path) -> None:
    record(path, LABELS)
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
    with Reader(path) as reader:
        report = build_report(reader)
    rows = {row.label: row.count for row in report.differential}
    assert (rows["neutrophil"], rows["monocyte"]) == (5, 1)
    assert report.reviewed == Reviewed(cells=1, changed=1, artefacts=0, by=("Ada",))


def test_a_card_with_confusions_widens_the_intervals(path: Path) -> None:
    card = tuple(tuple(90 if i == j else 1 for j in range(8)) for i in range(8))
    record(path, LABELS, confusion=card)
    with Reader(path) as reader:
        report = build_report(reader)
        again = build_report(reader)
    row = {row.label: row for row in report.differential}["neutrophil"]
    assert row.estimate is not None
    assert row.interval is not None
    assert row.interval[0] <= 60.0 <= row.interval[1]
    assert "confusions" in report.method
    assert report == again
