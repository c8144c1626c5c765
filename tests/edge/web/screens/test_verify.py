"""The microscope on the page: an objective is calibrated and chosen, and verified cell by cell without a hint."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from sites import Site, phase

from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.store.reader import Reader
from hemato_edge.web.security.access import Role

pytestmark = pytest.mark.slow
WALK = {"profile": "40x", "by": "Ada", "wanted": "50", "unnamed": "1"}


def form(site: Site, role: Role, **said: Any) -> dict[str, str]:
    return {"token": site.csrf(role)} | {name: str(value) for name, value in said.items()}


def test_an_objective_is_calibrated_chosen_and_shown(microscope: Site) -> None:
    with microscope.client(Role.KEEPER, page=True) as phone:
        tapped = {"x1": 500, "y1": 2400, "x2": 5500, "y2": 2400, "distance_nm": 50_000}
        said = form(microscope, Role.KEEPER, what="micrometer", profile="40x", objective="Plan 40×", **tapped)
        answer = phone.post("/calibrate", data=said)
        assert (answer.status_code, answer.headers["location"]) == (303, "/calibrate?profile=40x&step=mask")
        page = phone.get("/microscope").text
        assert "Plan 40×" in page
        assert "0.1000 µm a pixel (± 0.6 %)" in page
        answer = phone.post("/microscope/use", data=form(microscope, Role.KEEPER, profile="40x"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        page = phone.get("/").text
        assert "<b>40x</b>" in page
        assert "0.100 µm/px" in page
    assert phase(microscope, "waiting")["profile"] == "40x"


def test_what_cannot_be_measured_is_said_on_the_same_step(microscope: Site) -> None:
    with microscope.client(Role.KEEPER, page=True) as phone:
        tapped = {"x1": 500, "y1": 2400, "x2": 600, "y2": 2400, "distance_nm": 50_000}
        said = form(microscope, Role.KEEPER, what="micrometer", profile="10x", **tapped)
        answer = phone.post("/calibrate", data=said)
        assert answer.status_code == 409
        assert "too few to measure by" in answer.text
        assert 'name="what" value="micrometer"' in answer.text
        assert phone.post("/calibrate", data=form(microscope, Role.KEEPER, what="lamp", profile="x")).status_code == 400


def test_cells_are_named_one_by_one_without_the_answer_and_a_second_reader_gets_the_same(microscope: Site) -> None:
    with microscope.client(Role.REVIEWER) as phone:
        cells = phone.get("/verify/cells", params=WALK).json()["cells"]
        assert len(cells) == 50
        assert set(cells[0]) == {"session", "field", "cell", "picture"}  # nothing of what the program said
        for cell in cells:
            told = phone.post("/verify/name", json=cell | {"by": "Ada", "label": "neutrophil"}).json()
            assert told["named"] == "neutrophil"
            assert "before" not in told
        assert phone.get("/verify/cells", params=WALK).json()["cells"] == []
    places = {f"{cell['session']}/{cell['field']}/{cell['cell']}" for cell in cells}
    walk = WALK | {"by": "Bob"}
    with microscope.client(Role.REVIEWER, page=True) as phone:
        assert "50 cells are named" in phone.get("/verify/cell", params=WALK).text
        address = f"/verify/cell?{urlencode(walk)}"
        for number in range(3):
            page = phone.get(address).text
            fields = dict(re.findall(r'name="(session|field|cell)" value="(\d+)"', page)[:3])
            assert "/".join(fields.values()) in places
            assert f"{number + 1} / 50" in page
            said = form(microscope, Role.REVIEWER, **walk | fields | {"label": "neutrophil"})
            answer = phone.post("/verify/name", data=said)
            assert answer.status_code == 303
            address = answer.headers["location"]


def test_the_figures_are_kept_in_the_profile_and_shown_with_their_intervals(microscope: Site) -> None:
    with microscope.client(Role.REVIEWER, page=True) as phone:
        answer = phone.post("/verify", data=form(microscope, Role.REVIEWER, profile="40x", unnamed=1))
        assert answer.headers["location"] == "/verify/result?profile=40x"
        page = phone.get(answer.headers["location"]).text
        assert "Agreement of Ada and Bob" in page
        assert "3 of 3 cells; kappa 1.00" in page
        assert "microscope not verified" in phone.get("/microscope").text  # today's model is another one
    with Reader(microscope.options.database) as reader:
        assert {entry.who for entry in reader.relabels(2)} == {"Ada", "Bob"}
    folder = ProfileFolder(microscope.options.folder.parent / "profiles")
    found = folder.load("40x").site
    assert found is not None
    assert found.verification is not None
    assert found.verification.cells == 50


def test_too_few_names_are_no_verification(microscope: Site) -> None:
    with microscope.client(Role.REVIEWER) as phone:
        answer = phone.post("/verify", json={"profile": "63x", "unnamed": 0})
        assert answer.status_code == 409
        assert "There is no session" in answer.json()["error"]
    with microscope.client(Role.VIEWER, page=True) as phone:
        assert phone.get("/verify/result", params={"profile": "63x"}).status_code == 404
        assert "may look, and not name cells" in phone.get("/verify", params={"profile": "40x"}).text


@pytest.mark.browser
def test_by_keys_and_taps_on_a_phone_with_undo(microscope: Site, open_page) -> None:
    page = open_page(microscope, f"/verify/cell?{urlencode(WALK | {'by': 'Cy'})}", Role.REVIEWER)

    def at(number: int) -> None:
        page.wait_for_selector(f'[data-place]:text-is("{number} / 50")')

    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.keyboard.press("m")
    at(2)
    page.click(".name-button[value=lymphocyte]")
    at(3)
    with Reader(microscope.options.database) as reader:
        last = [entry for session in (1, 2) for entry in reader.relabels(session) if entry.who == "Cy"]
        assert sorted(entry.after for entry in last) == ["lymphocyte", "monocyte"]
    page.click("[data-undo] button")
    at(2)
    page.keyboard.press("z")
    at(1)
    assert page.complaints == []


def test_a_keeper_changes_a_harmless_setting_and_nobody_else_does(microscope: Site) -> None:
    with microscope.client(Role.REVIEWER, page=True) as phone:
        assert (
            phone.post("/settings", data=form(microscope, Role.REVIEWER, setting="counting.target")).status_code == 403
        )
        assert "/settings/edit" not in phone.get("/settings").text
    with microscope.client(Role.KEEPER, page=True) as phone:
        assert "counting.target" in phone.get("/settings/edit?setting=counting.target").text
        said = form(microscope, Role.KEEPER, setting="counting.target", value="150")
        assert phone.post("/settings", data=said).headers["location"] == "/settings"
        assert 'value="150" checked' in phone.get("/").text  # offered first before the next count
        refused = phone.post("/settings", data=said | {"value": "-1"})
        assert (refused.status_code, "not valid" in refused.text) == (409, True)
        assert phone.get("/settings/edit?setting=camera.spec").status_code == 404
        said = form(microscope, Role.KEEPER, setting="reference.monocyte", low="2", high="9.5")
        assert phone.post("/settings", data=said).status_code == 303
    text = (microscope.options.folder.parent / "data" / "hemato-edge" / "changes.toml").read_text("utf-8")
    assert "monocyte = [2.0, 9.5]" in text
