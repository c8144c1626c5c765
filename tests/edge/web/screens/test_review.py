"""Review in the browser: each name goes through the door into the log; numbers are the report's after each change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from recorded_sessions import recorded
from sites import Site, serving, until

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import State
from hemato_edge.door.messages import DoorError
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.web.demo import Runs
from hemato_edge.web.security.access import Role
from hemato_edge.web.services import PageOptions


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page over two recorded sessions, with a real run that waits behind a real door."""
    folder = tmp_path_factory.mktemp("review")
    recorded(folder / "counts.db")
    options = PageOptions(folder / "counts.db", folder / "door.sock", folder / "web")
    with Runs(["--camera", "live-demo"], options.door, options.database), serving(options) as made:

        def waits() -> bool:
            with DoorClient(options.door, "test") as client:
                try:
                    return client.ask(State()).told["phase"] == "waiting"
                except DoorError:
                    return False

        until(waits, "the run")
        yield made


def standing(site: Site, session: int, field: int, cell: int) -> tuple[str, str | None]:
    """What a cell is called, and by whom last."""
    with Reader(site.options.database) as reader:
        name = next(one.name for one in reader.cells(session) if (one.field, one.number) == (field, cell))
        said = [one.who for one in reader.relabels(session) if (one.field, one.cell) == (field, cell)]
    return name, said[-1] if said else None


def said(session: int, field: int, cell: int, label: str, standing: str = "") -> dict[str, Any]:
    return {"session": session, "field": field, "cell": cell, "label": label, "standing": standing}


def test_a_name_is_recorded_with_the_person(reviewed: Site) -> None:
    with reviewed.client(Role.REVIEWER) as phone:
        assert phone.post("/review/name", json=said(1, 0, 0, "basophil", "neutrophil")).json()["label"] == "basophil"
        assert standing(reviewed, 1, 0, 0) == ("basophil", "Ada")
        row = 'Basophils</th><td class="num">1</td>'
        assert row in phone.get("/review/tally", params={"session": 1}).text
        undone = phone.post("/review/undo", json={"session": 1}).json()["undone"]
        assert (undone["field"], undone["cell"], undone["label"]) == (0, 0, "neutrophil")
    assert standing(reviewed, 1, 0, 0)[0] == "neutrophil"
    assert check(reviewed.options.database).good


def test_16_the_second_of_two_reviewers_is_asked(reviewed: Site) -> None:
    with reviewed.client(Role.REVIEWER) as first, reviewed.client(Role.KEEPER) as second:
        assert first.post("/review/name", json=said(1, 0, 1, "monocyte", "neutrophil")).status_code == 200
        answer = second.post("/review/name", json=said(1, 0, 1, "eosinophil", "neutrophil"))
        assert answer.status_code == 409
        assert "monocyte meanwhile" in answer.json()["error"]
    assert standing(reviewed, 1, 0, 1)[0] == "monocyte"


def test_a_name_that_was_sent_twice_is_one_change(reviewed: Site) -> None:
    with reviewed.client(Role.REVIEWER) as phone, Reader(reviewed.options.database) as reader:
        before = len(reader.relabels(1))
        for _ in range(2):
            answer = phone.post("/review/name", json=said(1, 0, 2, "monocyte", "neutrophil") | {"key": "a" * 24})
            assert answer.status_code == 200
        assert len(reader.relabels(1)) == before + 1


@pytest.mark.parametrize(
    "wrong", [said(1, 0, 0, "lizard"), said(1, 0, 999, "monocyte"), said(99, 0, 0, "monocyte"), {"label": "monocyte"}]
)
def test_what_cannot_be_is_refused(reviewed: Site, wrong: dict[str, Any]) -> None:
    with reviewed.client(Role.REVIEWER) as phone:
        answer = phone.post("/review/name", json=wrong)
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]


def test_without_scripts_a_form_names_and_comes_back(reviewed: Site) -> None:
    with reviewed.client(Role.REVIEWER, page=True) as phone:
        page = phone.get("/review", params={"session": 2}).text
        assert 'name="standing" value="' in page
        form = {k: str(v) for k, v in said(2, 0, 0, "lymphocyte").items()} | {"show": "doubt", "at": "0"}
        answer = phone.post("/review/name", data=form | {"token": reviewed.csrf(Role.REVIEWER)})
        assert (answer.status_code, answer.headers["location"]) == (303, "/review?session=2&show=doubt&at=0")
    assert standing(reviewed, 2, 0, 0)[0] == "lymphocyte"


def test_pictures_and_maps(reviewed: Site) -> None:
    with reviewed.client(Role.VIEWER) as phone:
        assert phone.get("/cell/1/0/0").content[:2] == b"\xff\xd8"
        assert phone.get("/cell/1/0/0/map").json()["rows"] == [[0, 64, 255], [0, 0, 128]]
        assert phone.get("/cell/1/0/999").status_code == 404


def test_the_newest_cells_come_first(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone, Reader(site.options.database) as reader:
        piece = phone.get("/review/newest", params={"session": 2}).text
        cells = list(reader.counted(2))
    last = [f"/cell/2/{cell.field}/{cell.number}" for cell in reversed(cells[-8:])]
    assert re.findall(r'src="([^"]+)"', piece) == last


def test_the_list_in_doubt_holds_what_has_no_class_and_no_name_of_a_person(site: Site) -> None:
    with site.client(Role.VIEWER) as phone:
        doubtful = phone.get("/review/cells", params={"session": 2}).json()["cells"]
        unnamed = phone.get("/review/cells", params={"session": 2, "show": "unnamed"}).json()["cells"]
        assert {one["machine"] for one in doubtful} == {"unclassified"}
        assert len(doubtful) == 2 < len(unnamed)


def test_without_a_run_it_says_so(site: Site) -> None:
    with site.client(Role.REVIEWER) as phone:
        answer = phone.post("/review/name", json=said(1, 0, 0, "basophil"))
        assert answer.status_code == 503
        assert answer.json()["fix"]


def test_15_cells_are_named_by_keys_alone_and_undone(reviewed: Site, open_page) -> None:
    page = open_page(reviewed, "/review?session=2&show=unnamed", Role.REVIEWER)

    def at(number: int) -> None:
        until(lambda: page.text_content("[data-place]").startswith(f"{number} /"), f"cell {number}")

    at(1)
    page.wait_for_load_state("networkidle")  # the list is there: from now on the keys name cells without a new page
    with Reader(reviewed.options.database) as reader:
        known = len(reader.relabels(2))
        keys = {"m": "monocyte", "b": "basophil", "e": "eosinophil", "i": "immature_granulocyte"}
        for number, key in enumerate((*keys, "y") * 4, 2):
            page.keyboard.press(key)
            at(number)
            if key in keys:
                assert reader.relabels(2)[-1].after == keys[key]
        assert len(reader.relabels(2)) == known + 20
        for number in range(20, 0, -1):
            page.keyboard.press("z")
            at(number)
        assert len(reader.relabels(2)) == known + 40
    assert page.complaints == []
    assert check(reviewed.options.database).good


def test_15_twenty_cells_are_named_by_touch_alone_and_undone(reviewed: Site, open_page) -> None:
    page = open_page(reviewed, "/review?session=2&show=unnamed", Role.REVIEWER, has_touch=True)

    def at(number: int) -> None:
        until(lambda: page.text_content("[data-place]").startswith(f"{number} /"), f"cell {number}")

    at(1)
    page.wait_for_load_state("networkidle")
    with Reader(reviewed.options.database) as reader:
        known = len(reader.relabels(2))
        for number in range(2, 22):
            page.tap(".name-button.likely:not([hidden]) >> nth=0")
            at(number)
        assert len(reader.relabels(2)) == known + 20
        for number in range(20, 0, -1):
            page.tap("[data-undo] button")
            at(number)
        assert len(reader.relabels(2)) == known + 40
    assert check(reviewed.options.database).good


def test_several_cells_are_moved_in_the_gallery(reviewed: Site, open_page) -> None:
    page = open_page(reviewed, "/review/gallery?session=2", Role.REVIEWER, width=1280, height=800)
    section = page.locator('[data-class="neutrophil"]')
    count = int(section.locator("[data-number]").text_content())
    for i in (0, 1, 2):
        section.locator("input").nth(i).check()
    assert page.locator("[data-selected]").text_content() == "3"
    with page.expect_navigation():
        page.keyboard.press("e")
    assert int(page.locator('[data-class="neutrophil"] [data-number]').text_content()) == count - 3
    with Reader(reviewed.options.database) as reader:
        assert [one.after for one in reader.relabels(2)[-3:]] == ["eosinophil"] * 3


def test_a_viewer_looks_and_cannot_name(reviewed: Site, open_page) -> None:
    page = open_page(reviewed, "/review?session=1", Role.VIEWER)
    assert page.locator(".name-button").count() == 0
    assert "may look" in page.text_content("main")


def test_a_reviewer_approves_and_a_change_of_a_label_overtakes_it(reviewed: Site) -> None:
    with reviewed.client(Role.COUNTER, page=True) as phone:
        said = {"token": reviewed.csrf(Role.COUNTER), "session": "1"}
        assert phone.post("/review/approve", data=said).status_code == 403
        assert "Not approved by anybody" in phone.get("/sessions/1").text
    with reviewed.client(Role.REVIEWER, page=True) as phone:
        said = {"token": reviewed.csrf(Role.REVIEWER), "session": "1"}
        answer = phone.post("/review/approve", data=said)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sessions/1")
        assert "Approved by Ada on " in phone.get("/sessions/1").text
        assert "Approved by Ada on " in phone.get("/sessions/1/print").text
        assert phone.get("/history").text.count('<b class="approved">') == 1
        assert phone.post("/review/approve", data=said | {"session": "99"}).status_code in (404, 409)
    with reviewed.client(Role.REVIEWER) as phone:
        phone.post("/review/name", json={"session": 1, "field": 0, "cell": 3, "label": "monocyte"})
    with reviewed.client(Role.REVIEWER, page=True) as phone:
        assert "A label was changed since" in phone.get("/sessions/1").text
        assert '<b class="approved">' not in phone.get("/history").text
