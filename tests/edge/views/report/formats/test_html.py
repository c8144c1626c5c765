"""The page: one file, well formed, with all its parts, and nothing from outside runs in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, field_result, record, record_described, session_start

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.archives.rows import QUALITY
from hemato_edge.pipeline.field import SLIDE_SHARE
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.explanations import MEASURES
from hemato_edge.views.report.formats.charts import BAR_WIDTH, interval_bar
from hemato_edge.views.report.formats.gallery import heat_map
from hemato_edge.views.report.formats.html import FILES_SHOWN, report_page
from hemato_edge.views.report.model import ClassShare

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil"] * 6 + ["lymphocyte"] * 4 + ["unclassified"] * 2 + ["erythroblast", "platelet"]
VOID = {"meta", "img", "br"}


class WellFormed(HTMLParser):
    """Fails on a tag that is closed wrongly, and collects the tags and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(path: Path) -> tuple[str, WellFormed]:
    with Reader(path) as reader:
        text = "".join(report_page(reader, build_report(reader)))
    parsed = WellFormed()
    parsed.feed(text)
    parsed.close()
    assert parsed.open == []
    return text, parsed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def test_the_page_has_all_its_parts_in_one_file(path: Path) -> None:
    record(path, LABELS, pictures=True)
    text, parsed = page_of(path)
    for heading in ("Differential", "Quality", "The way over the slide", "Cells", "Provenance"):
        assert f"<h2>{heading}</h2>" in text
    assert parsed.tags.count("figure") == len(LABELS)
    assert parsed.text.count(RESEARCH_USE_NOTICE) >= 2
    assert "out of focus" in parsed.text
    assert "ab" * 32 in parsed.text  # the model's hash
    assert "Clopper-Pearson" in parsed.text
    outside = re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?!data:)(https?:|//|[a-z]+\.)""", text)
    assert outside == []
    assert "script" not in parsed.tags


def test_the_page_says_what_the_text_says_of_red_cells_and_scale(path: Path) -> None:
    record(path, LABELS, tallies={f"red_cell_size:{number}": 30 for number in range(420, 430)})
    _, parsed = page_of(path)
    assert "Red-cell diameter, 300 cells that stand free: mean 69.8" in parsed.text
    assert "a red cell is 41.5 px across" in parsed.text


def test_what_comes_from_outside_is_text_and_not_markup(path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    record(path, LABELS, label=evil, camera=evil)
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", evil, NOON)
    text, parsed = page_of(path)
    assert "script" not in parsed.tags
    assert parsed.text.count("alert(1)") >= 3
    assert "<script" not in text


def test_the_map_shows_each_stretch_and_the_lost_tracking(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, ("monocyte",), region=0), {})
        writer.commit_field(session, field_result(1, ("monocyte",), region=1), {"tracking_lost": 1})
    text, parsed = page_of(path)
    assert "unbroken stretches: 2. Tracking was lost 1 times" in parsed.text
    assert len(re.findall('aria-label="1 fields', text)) == 2


def test_pictures_from_files_are_listed_instead(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0, ("monocyte",), region=None, source="a<b.png"), {})
    _, parsed = page_of(path)
    assert "a<b.png" in parsed.text


def test_an_empty_session_has_a_page(path: Path) -> None:
    with open_writer(path) as writer:
        writer.start_session(session_start())
        _, parsed = page_of(path)
    assert "Classified white cells" in parsed.text


def test_a_review_is_told_with_the_machines_answer(path: Path) -> None:
    record(path, LABELS, pictures=True)
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
        writer.undo(1, "Ada", NOON)
        writer.relabel(1, 0, 1, "basophil", "Ada", NOON)
    _, parsed = page_of(path)
    assert "neutrophil → monocyte" in parsed.text
    assert "monocyte → neutrophil (undone)" in parsed.text
    assert "machine: neutrophil 86 %" in parsed.text


def test_an_interval_bar_lies_where_the_numbers_say() -> None:
    row = ClassShare("monocyte", 5, 50.0, 0.0, 100.0, estimate=50.0, reference=None, flag=None)
    drawn = interval_bar(row)
    assert f'cx="{BAR_WIDTH / 2}"' in drawn
    ends = [float(x) for x in re.findall(r'x[12]="([0-9.]+)"', drawn)]
    assert min(ends) > 0
    assert max(ends) < BAR_WIDTH


def test_the_map_is_opaque_where_most_spoke() -> None:
    drawn = heat_map((bytes([0, 255]), bytes([128, 0])), "cell <1>")
    assert re.findall(r'<rect x="(\d)" y="(\d)".*?fill-opacity="([0-9.]+)"', drawn) == [
        ("1", "0", "1.00"),
        ("0", "1", "0.25"),
    ]
    assert 'aria-label="cell &lt;1&gt;"' in drawn


def test_a_long_list_of_pictures_folds(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        for i in range(FILES_SHOWN + 3):
            writer.commit_field(session, field_result(i, region=None, source=f"{i}.png"), {})
    text, parsed = page_of(path)
    assert parsed.tags.count("details") == 1
    assert "3 more pictures" in parsed.text
    assert text.index(f"{FILES_SHOWN - 1}.png") < text.index("<details") < text.index(f"{FILES_SHOWN}.png")


def test_every_picture_has_words(path: Path) -> None:
    record(path, LABELS, pictures=True)
    text, _ = page_of(path)
    assert 'alt="neutrophil, 86 %, field 0, cell 0"' in text
    assert "<b>neutrophil</b> 86 %" in text
    assert all("alt=" in tag for tag in re.findall("<img[^>]*>", text))
    assert all("aria-label=" in tag for tag in re.findall("<svg[^>]*>", text))


def test_timings_of_the_program_are_no_part_of_the_page(path: Path) -> None:
    record(path, LABELS)
    _, parsed = page_of(path)
    assert ", ms" not in parsed.text
    assert "locate" not in parsed.text


def test_the_page_is_bounded_however_many_cells_there_are(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, LABELS, pictures=True)
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        for index in range(4):
            writer.commit_field(session, field_result(index, ("monocyte",) * 2, region=0), {})
    monkeypatch.setattr("hemato_edge.views.report.formats.html.MAX_CELLS", 3)
    with Reader(path) as reader:
        assert reader.cells_per_region(session) == {0: 8}
        drawn = [place.x_px for place in reader.places(session, 0, 3)]
        assert drawn == [cell.x_px for cell in reader.counted(session)][::3]
        monkeypatch.setattr(Reader, "cells", lambda *_: pytest.fail("all cells at once"))
        text = "".join(report_page(reader, build_report(reader, session)))
    assert "4 fields, 8 cells, one in 3 drawn" in text


def test_the_gallery_takes_pictured_cells_the_least_certain_first(path: Path) -> None:
    record(path, LABELS, pictures=True)
    with Reader(path) as reader:
        names = {cell.name for cell in reader.counted(1)}
        for name in names:
            pictured = [
                cell
                for cell in reader.counted(1)
                if cell.name == name and reader.portrait(1, cell.field, cell.number) is not None
            ]
            wanted = sorted(pictured, key=lambda cell: (cell.confidence, cell.field, cell.number))
            assert reader.pictured(1, name, 2) == wanted[:2]


def test_each_cell_has_its_morphology(tmp_path: Path) -> None:
    record_described(tmp_path / "x.db")
    with Reader(tmp_path / "x.db") as reader:
        page = "".join(report_page(reader, build_report(reader)))
    assert page.count("<br>multilobed nucleus 95%, small pink granules 93%</figcaption>") == 3
    assert page.count("<br>small pink granules 93%</figcaption>") == 1
    assert "Neutrophils (4), morphology: multilobed nucleus 75%" in page


def test_each_measure_is_explained_beside_its_name(path: Path) -> None:
    record(path, LABELS)
    _, parsed = page_of(path)
    assert MEASURES["focus"] in parsed.text
    assert set(QUALITY) | {SLIDE_SHARE} == MEASURES.keys()


def test_a_session_of_pictures_says_what_of_them_was_slide(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        tallies = {"frames": 1, "mask:round": 1, "mask:slide_permille": 630}
        writer.commit_field(session, field_result(0, ["neutrophil"], region=None), tallies)
        writer.end_session(session, "finished", NOON)
    assert "63 % of a frame is slide; left out: the round rim of an eyepiece." in page_of(path)[1].text


def test_an_interrupted_session_says_why(path: Path) -> None:
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.end_session(session, "interrupted", NOON, "the camera is gone")
    assert "Interrupted: the camera is gone" in page_of(path)[1].text


def test_on_a_phone_a_flag_stands_under_its_class(path: Path) -> None:
    """Beside it a long one, in German, would leave the page."""
    record(path, ["neutrophil"] * 120, settings={"reference.neutrophil": [0, 10]})
    text, _ = page_of(path)
    assert re.search(r'Neutrophils<span class="flag below">HIGH</span>', text)
    narrow = text[text.index("@media (max-width: 600px)") :]
    assert re.search(r"\.wide, \.legend \{ display: none", narrow)
    assert re.search(r"\.below \{ display: block", narrow)
