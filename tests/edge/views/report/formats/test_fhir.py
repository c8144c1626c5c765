"""The FHIR report: valid resources, the right codes, and a clear word where the library is missing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from recorded import record, session_start

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.errors import MissingExtraError
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.fhir import diagnostic_report

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.views.report.model import Report

LABELS = ["neutrophil"] * 60 + ["lymphocyte"] * 40 + ["unclassified"] * 2 + ["erythroblast"] * 10 + ["platelet"]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    settings = {
        "calibration.um_per_px": 0.1,
        "estimate.white_factor": 0.4,
        "estimate.platelet_factor": 0.6,
        "reference.neutrophil": [0.0, 10.0],
    }
    record(tmp_path / "x.db", LABELS, settings=settings)
    with Reader(tmp_path / "x.db") as reader:
        return build_report(reader)


def test_the_observations_carry_their_codes_and_intervals(report: Report) -> None:
    pytest.importorskip("fhir.resources")
    document = json.loads(diagnostic_report(report))
    assert (document["resourceType"], document["status"]) == ("DiagnosticReport", "preliminary")
    assert RESEARCH_USE_NOTICE in document["conclusion"]
    inside = {resource["id"]: resource for resource in document["contained"]}
    assert {entry["reference"] for entry in document["result"]} == {f"#{name}" for name in inside if name != "device"}
    neutrophils = inside["neutrophil"]
    assert neutrophils["code"] == {  # no name of LOINC's: it changes from release to release
        "coding": [{"system": "http://loinc.org", "code": "26511-6"}],
        "text": "Neutrophils, percent of leukocytes in blood",
    }
    assert neutrophils["valueQuantity"] == {
        "value": 60.0,
        "unit": "%",
        "system": "http://unitsofmeasure.org",
        "code": "%",
    }
    assert neutrophils["interpretation"][0]["coding"][0]["code"] == "H"
    ends = [part["valueQuantity"]["value"] for part in neutrophils["component"]]
    assert ends == pytest.approx([60, 49.72092, 69.67052], abs=1e-5)  # R: binom.test(60, 100)
    assert inside["nucleated-red-cells"]["valueQuantity"]["value"] == 10.0
    assert inside["platelet-estimate"]["valueQuantity"]["unit"] == "10*9/L"
    assert all(resource["note"][0]["text"] == RESEARCH_USE_NOTICE for resource in inside.values())


def test_without_cells_the_values_are_absent_and_not_nought(tmp_path: Path) -> None:
    pytest.importorskip("fhir.resources")
    with open_writer(tmp_path / "x.db") as writer:
        writer.start_session(session_start())
        with Reader(tmp_path / "x.db") as reader:
            document = json.loads(diagnostic_report(build_report(reader)))
    observations = [resource for resource in document["contained"] if resource["resourceType"] == "Observation"]
    assert len(observations) == 7  # no estimate per litre without a calibration
    assert all("valueQuantity" not in found and "dataAbsentReason" in found for found in observations)


def test_a_missing_library_is_named_with_its_extra(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fhir.resources.R4B.diagnosticreport", None)
    with pytest.raises(MissingExtraError, match=r"hemato-edge\[fhir\]"):
        diagnostic_report(report)
