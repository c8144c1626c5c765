"""The report as an HL7 FHIR R4 DiagnosticReport with LOINC-coded Observations inside of it.

The resources are made and checked by `fhir.resources` in release 4B, in which DiagnosticReport, Observation and Device
have the elements of R4. The report is "preliminary", never "final": nobody has signed it, and it is for research use.

The LOINC terms are those without a method or with the method "Estimate": a camera is neither an automated counter nor a
manual count. They stand in LOINC's manual differential panel (https://loinc.org/24318-8) or on their own pages
(https://loinc.org/49498-9, https://loinc.org/49497-1, https://loinc.org/19048-8). A code stands without LOINC's own
name for it: those names change from release to release, and a name of another release makes a coding wrong. Our words
stand in `text`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.errors import MissingExtraError
from hemato_edge.labels import BY_NAME, ERYTHROBLAST
from hemato_edge.views.report.cautions import caution_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.views.report.model import Report

Term = tuple[str | None, str]
"""LOINC code and our words for it."""
_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_CODES = "http://terminology.hl7.org/CodeSystem/"
PANEL: Term = ("24318-8", "White-cell differential of blood")
VOLUME_TERMS: dict[str, Term] = {
    "white": ("49498-9", "Leukocytes per volume of blood, estimated"),
    "platelet": ("49497-1", "Platelets per volume of blood, estimated"),
}


def diagnostic_report(report: Report) -> str:
    """The report as one JSON document, a DiagnosticReport that contains its Observations and the Device.

    Raises:
        MissingExtraError: `fhir.resources` is not installed.
    """
    try:
        from fhir.resources.R4B.diagnosticreport import DiagnosticReport
    except ImportError as error:
        raise MissingExtraError(
            "The format fhir needs fhir.resources, which is not installed.", "Type `pip install 'hemato-edge[fhir]'`."
        ) from error
    made = DiagnosticReport.model_validate(_resource(report))
    return str(made.model_dump_json(indent=1))


def _resource(report: Report) -> dict[str, object]:
    observations = list(_observations(report))
    ends = zip(("start", "end"), report.period, strict=True)
    microscope = "; ".join(words for words in (report.verified, report.adapted) if words)
    return {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "category": [{"coding": [{"system": f"{_CODES}v2-0074", "code": "HM", "display": "Hematology"}]}],
        "code": _code(PANEL),
        "effectivePeriod": {name: time.isoformat() for name, time in ends if time is not None},
        "issued": _when(report),
        "contained": [_device(report), *observations],
        "result": [{"reference": f"#{observation['id']}"} for observation in observations],
        "conclusion": " ".join(
            [report.notice, f"Of the microscope: {microscope}.", *caution_lines(report), report.method]
        ),
    }


def _when(report: Report) -> str:
    start, end = report.period
    return (end or start or report.session.started_utc).isoformat()


def _observations(report: Report) -> Iterator[dict[str, object]]:
    for row in report.differential:
        figure = _observation(report, row.label.replace("_", "-"), percent_term(row.label), row.percent, "%")
        if row.reference:
            low, high = row.reference
            figure["referenceRange"] = [{"low": _quantity(low, "%"), "high": _quantity(high, "%")}]
        if row.flag:
            code = {"low": "L", "high": "H"}[row.flag]
            figure["interpretation"] = [{"coding": [{"system": f"{_CODES}v3-ObservationInterpretation", "code": code}]}]
        yield figure | {"component": _components("%", row.interval, row.count)}
    nucleated = report.nucleated_red_cells
    unit = "/100{WBCs}"
    figure = _observation(report, "nucleated-red-cells", nucleated_term(), nucleated.per_100_wbc, unit)
    yield figure | {"component": _components(unit, nucleated.interval, nucleated.count)}
    if report.estimates is not None:
        for kind, estimate in (("white", report.estimates.white), ("platelet", report.estimates.platelet)):
            if estimate is not None:
                per_l = estimate.e9_per_l
                figure = _observation(report, f"{kind}-estimate", VOLUME_TERMS[kind], per_l.value, "10*9/L")
                ends = None if per_l.ci_high is None else (per_l.ci_low, per_l.ci_high)
                yield figure | {"component": _components("10*9/L", ends, estimate.count)}


def _observation(report: Report, name: str, term: Term, value: float | None, unit: str) -> dict[str, object]:
    made: dict[str, object] = {
        "resourceType": "Observation",
        "id": name,
        "status": "preliminary",
        "category": [{"coding": [{"system": f"{_CODES}observation-category", "code": "laboratory"}]}],
        "code": _code(term),
        "effectiveDateTime": _when(report),
        "device": {"reference": "#device"},
        "note": [{"text": report.notice}],
    }
    if value is None:
        made["dataAbsentReason"] = {"coding": [{"system": f"{_CODES}data-absent-reason", "code": "not-performed"}]}
    else:
        made["valueQuantity"] = _quantity(value, unit)
    return made


def _components(unit: str, ends: tuple[float, float] | None, count: int) -> list[dict[str, object]]:
    """The cells behind a figure and the ends of its interval; LOINC has no codes for these, so they have words."""
    made: list[dict[str, object]] = [{"code": {"text": "cells counted"}, "valueQuantity": _quantity(count, "{cells}")}]
    for name, end in zip(("lower", "upper"), ends or (), strict=False):
        made.append({"code": {"text": f"95 % confidence interval, {name} end"}, "valueQuantity": _quantity(end, unit)})
    return made


def _device(report: Report) -> dict[str, object]:
    made = report.provenance
    return {
        "resourceType": "Device",
        "id": "device",
        "deviceName": [{"name": f"hemato-edge, {made.model_name}", "type": "model-name"}],
        "version": [
            {"type": {"text": name}, "value": version}
            for name, version in {**made.versions, "model SHA-256": made.model_sha256}.items()
        ],
        "note": [{"text": report.notice}],
    }


def _quantity(value: float, unit: str) -> dict[str, object]:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def percent_term(label: str) -> Term:
    """The term of a class's share."""
    known = BY_NAME[label]
    return known.loinc, f"{known.plural}, percent of leukocytes in blood"


def nucleated_term() -> Term:
    """The term of the nucleated red cells."""
    known = BY_NAME[ERYTHROBLAST]
    return known.loinc, f"{known.plural} per 100 leukocytes in blood"


def _code(term: Term) -> dict[str, object]:
    """A class without a code of LOINC's has its words alone."""
    code, words = term
    return {"text": words} if code is None else {"coding": [{"system": _LOINC, "code": code}], "text": words}
