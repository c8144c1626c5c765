"""History, result, files and comparison: what the page shows is what `report` says."""

from __future__ import annotations

import json

import pytest
from recorded import record_band_cells
from sites import Site

from hemato_edge.store.reader import Reader
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.json_document import as_json
from hemato_edge.web.security.access import Role
from hemato_edge.web.sources.changes import SHUT, ChangeWatcher


def test_the_list_has_each_session_and_finds_one_by_its_label(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        page = phone.get("/history").text
        assert "tube 1" in page
        assert "tube &lt;2&gt; &amp; co" in page
        found = phone.get("/history", params={"search": "TUBE 1"}).text
        assert "tube 1" in found
        assert "&lt;2&gt;" not in found
        assert "No session is found." in phone.get("/history", params={"search": "nowhere"}).text


def test_the_files_are_those_of_the_report(site: Site) -> None:
    with Reader(site.options.database) as reader:
        wanted = as_json(build_report(reader, 2))
    with site.client(Role.VIEWER) as program:
        answer = program.get("/sessions/2/file/json")
        assert json.loads(answer.text) == json.loads(wanted)
        assert answer.headers["content-disposition"] == 'attachment; filename="session-2.json"'
        assert "neutrophil" in program.get("/sessions/2/file/csv").text.lower()
        assert program.get("/sessions/2/file/exe").status_code == 404
        assert program.get("/sessions/99/file/json").status_code == 404


def test_the_printed_report_holds_everything_and_runs_nothing(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        answer = phone.get("/sessions/1/print")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
        assert "For Research Use Only" in answer.text


def test_quality_over_time_is_reached_from_the_history(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        assert 'href="/qc"' in phone.get("/history").text
        answer = phone.get("/qc")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "No control slide is recorded" in answer.text
    assert "For Research Use Only" in answer.text


def test_the_result_says_what_is_not_known(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        page = phone.get("/sessions/1").text
        assert "microscope not verified" in page
        assert "Fewer than 100 cells" in page


def test_two_sessions_beside_each_other(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        page = phone.get("/compare", params={"first": 1, "second": 2}).text
        assert "no difference shown" in page
        assert phone.get("/compare").status_code == 400
        assert phone.get("/compare", params={"first": 1, "second": "x"}).status_code == 400


def test_the_trend_has_each_session_with_its_interval_and_the_reference(site: Site) -> None:
    with Reader(site.options.database) as reader:
        report = build_report(reader, 2)
    row = next(row for row in report.differential if row.label == "lymphocyte")
    with site.client(Role.VIEWER, page=True) as phone:
        page = phone.get("/trend", params={"label": "lymphocyte"}).text
        assert page.count('class="trend-interval"') == 2
        assert page.count('class="band"') == 1
        assert f"{row.ci_low:.1f} – {row.ci_high:.1f}" in page
        assert phone.get("/trend", params={"search": "tube 1"}).text.count('class="trend-interval"') == 1
        assert "No session is found." in phone.get("/trend", params={"search": "nowhere"}).text
        assert phone.get("/trend", params={"label": "lizard"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/review", "/review/gallery", "/history", "/sessions/1", "/compare?first=1&second=2", "/trend"]
)
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_leaves_the_page_at_the_side(site: Site, open_page, path: str, width: int) -> None:
    page = open_page(site, path, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.complaints == []


def test_health_says_that_the_clock_of_a_running_session_was_set(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "The clock was set while this session runs"
    with site.client(Role.VIEWER, page=True) as phone:
        assert said not in phone.get("/health").text
        monkeypatch.setattr(
            ChangeWatcher, "state", lambda self: SHUT | {"phase": "counting", "warnings": ["clock_set"]}
        )
        assert said in phone.get("/health").text


def test_the_result_has_band_cells_where_the_model_tells_them(site: Site) -> None:
    number = record_band_cells(site.options.database)
    with site.client(Role.VIEWER, page=True) as phone:
        assert "of 8 told apart: band neutrophil 12 %" in phone.get(f"/sessions/{number}").text
        assert "told apart" not in phone.get("/sessions/1").text
