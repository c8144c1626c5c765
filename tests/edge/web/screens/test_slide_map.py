"""The map of a long session: bounded in what is drawn, whole in what is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import field_result, session_start
from sites import Site, serving

from hemato_edge.store.reader import Reader
from hemato_edge.store.records import NewField
from hemato_edge.store.writer import open_writer
from hemato_edge.values import Pose
from hemato_edge.views.report.formats.charts import MAX_CELLS, MAX_REGIONS
from hemato_edge.web.screens.slide_map import MOST_FIELDS, Region, regions_of
from hemato_edge.web.security.access import Role
from hemato_edge.web.services import PageOptions

FIELDS, CELLS, SMALL = 1500, 4, 8


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One long region, in which each cell is a monocyte but the last one, and then some of one field each."""
    path = tmp_path_factory.mktemp("long") / "counts.db"
    results = []
    for i in range(FIELDS + SMALL):
        labels = ["monocyte"] * CELLS if i != FIELDS - 1 else ["monocyte"] * (CELLS - 1) + ["basophil"]
        pose = Pose(max(0, i - FIELDS + 1), 300.0 * (i % 50), 200.0 * (i // 50), 0.9)
        results.append(NewField(replace(field_result(i, labels), pose=pose), ()))
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_fields(session, results, {})
    return path


@pytest.fixture
def drawn(long: Path) -> Iterator[tuple[list[Region], int]]:
    with Reader(long) as reader:
        yield regions_of(reader, reader.session(1))


def test_some_of_a_long_region_is_drawn_and_all_of_it_is_counted(drawn: tuple[list[Region], int]) -> None:
    region = drawn[0][-1]
    assert (region.number, region.walked, region.every) == (0, FIELDS, 2)
    assert region.counts == {"monocyte": FIELDS * CELLS - 1, "basophil": 1}
    assert len(region.cells) == FIELDS * CELLS / 2 <= MAX_CELLS
    assert MOST_FIELDS / 4 < len(region.fields) <= MOST_FIELDS
    assert region.fields[-1] == (300.0 * 49, 200.0 * 29, 640, 480)  # the last one, whatever is left out
    x, y, width, height = region.box
    assert x < 0 > y
    assert x + width > 300 * 49 + 640
    assert y + height > 200 * 29 + 480


def test_of_many_regions_the_newest_and_the_largest_are_drawn(drawn: tuple[list[Region], int]) -> None:
    regions, left_out = drawn
    assert len(regions) == MAX_REGIONS
    assert left_out == SMALL + 1 - MAX_REGIONS
    assert regions[0].number == SMALL
    assert regions[-1].number == 0
    assert [one.walked for one in regions[:-1]] == [1] * (MAX_REGIONS - 1)


def test_the_page_says_what_it_leaves_out(long: Path, tmp_path: Path) -> None:
    with serving(PageOptions(long, tmp_path / "door.sock", tmp_path / "web", own_token="own" * 10)) as site:
        text = page(site)
    assert "one in 2 drawn" in text
    assert f"{SMALL + 1 - MAX_REGIONS} shorter stretches are not drawn." in text
    assert len(text) < 1_000_000


def page(site: Site) -> str:
    with site.client(Role.VIEWER, page=True) as client:
        answer = client.get("/map")
    assert answer.status_code == 200
    return answer.text
