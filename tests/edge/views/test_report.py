"""The report as data: its keys are an interface."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recorded import field_result, record, session_start

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report import as_json, build_report

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil"] * 6 + ["lymphocyte"] * 4 + ["unclassified"] * 2 + ["erythroblast", "platelet"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_a_report_has_all_that_the_interface_promises(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        report = build_report(reader)
    assert report["session"] == {
        "id": 1,
        "label": "sample 12",
        "state": "finished",
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
    assert report["nucleated_red_cells"] == {"count": 1, "per_100_wbc": 10.0, "white_count_factor": 0.909091}
    assert report["notice"] == RESEARCH_USE_NOTICE
    rows = {row["label"]: row for row in report["differential"]}  # type: ignore[attr-defined]
    assert list(rows)[:2] == ["neutrophil", "eosinophil"]
    assert rows["neutrophil"] == {
        "label": "neutrophil",
        "count": 6,
        "percent": 60.0,
        "ci_low": pytest.approx(26.23781, abs=1e-5),  # R: binom.test(6, 10)
        "ci_high": pytest.approx(87.84477, abs=1e-5),
    }


def test_the_provenance_names_what_made_the_counts(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        found = build_report(reader)["provenance"]
        settings_hash = reader.session().settings_sha256
    assert isinstance(found, dict)
    assert found.pop("boot_id")
    assert found == {
        "model_name": "classifier",
        "model_sha256": "ab" * 32,
        "settings_sha256": settings_hash,
        "settings": {"camera": {"spec": "demo"}},
        "versions": {"hemato-edge": "0.1.0"},
        "database": str(path),
        "red_cell_px": 41.5,
        "stain": {"level": 0.8},
    }


def test_an_empty_session_has_nulls_and_no_division(path: Path) -> None:
    with open_writer(path) as writer:
        writer.start_session(session_start())
        with Reader(path) as reader:
            report = json.loads(as_json(build_report(reader)))
    assert report["session"]["state"] == "running"
    assert report["session"]["ended_utc"] is None
    assert [row["percent"] for row in report["differential"]] == [None] * 6
    assert report["nucleated_red_cells"] == {"count": 0, "per_100_wbc": None, "white_count_factor": None}


def test_lost_tracking_is_reported(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, region=0), {})
        writer.commit_field(session, field_result(1, region=1), {"tracking_lost": 1})
    with Reader(path) as reader:
        report = build_report(reader, session)
    assert (report["regions"], report["tracking_lost"]) == (2, 1)
