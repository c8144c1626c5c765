"""Health: the doctor's findings in its own words, with what mends each; and what one would send with a question."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from hemato_edge.about import RESEARCH_USE_NOTICE, __version__
from hemato_edge.wall_clock import CLOCK_SET
from hemato_edge.web.pages import redirect_to, render_page, services_of

if TYPE_CHECKING:
    from starlette.requests import Request


def health_page(request: Request) -> Response:
    """`GET /health`: the last examination, what fails first."""
    services = services_of(request)
    last, warnings = services.doctor_runs, services.changes.state().get("warnings") or []
    order = {"FAIL": 0, "WARN": 1, "PASS": 2, "SKIP": 3}
    findings = sorted(last.findings, key=lambda one: order.get(one["status"], 9))
    return render_page(
        request, "health.html", findings=findings, clock_set=CLOCK_SET in warnings, when=last.when, program=__version__
    )


def examine(request: Request) -> Response:
    """`POST /health/examine`: asks the doctor, some seconds."""
    services_of(request).doctor_runs.examine()
    return redirect_to("/health")


def health_file(request: Request) -> Response:
    """`GET /health/report.json`: the findings as a file to send; no label of a sample is in it."""
    last = services_of(request).doctor_runs
    told = {
        "program": __version__,
        "when": None if last.when is None else last.when.isoformat(timespec="seconds"),
        "findings": last.findings,
        "notice": RESEARCH_USE_NOTICE,
    }
    headers = {"Content-Disposition": 'attachment; filename="hemato-edge-health.json"'}
    return Response(json.dumps(told, indent=1, ensure_ascii=False), headers=headers, media_type="application/json")
