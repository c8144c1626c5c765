"""What a person reads: the field's words, the numbers of the report, the notice."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from recorded import record, record_described, session_start
from rich.console import Console

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.live import live_table, progress_line
from hemato_edge.views.report.formats.text import report_lines, report_view

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil"] * 6 + ["lymphocyte"] * 4 + ["unclassified"] * 2 + ["erythroblast", "platelet"]


def drawn(renderable: object) -> str:
    stream = io.StringIO()
    Console(file=stream, width=100).print(renderable, soft_wrap=True)
    return stream.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_text_says_what_a_haematologist_looks_for(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        report = build_report(reader)
    lines = squeezed("\n".join(report_lines(report)))
    assert lines[0] == 'White-cell differential, session 1 "sample 12" (finished)'
    assert "Class Cells % 95 % CI" in lines
    assert "Neutrophils 6 60.0 26.2 – 87.8" in lines
    assert "Basophils 0 0.0 0.0 – 30.8" in lines
    assert "Classified white cells 10 100.0" in lines
    assert "Unclassified 2" in lines
    assert "Nucleated red cells /100 WBC 10.0 0.2 – 70.3" in lines
    assert "White cells 12 (16.7 % unclassified) Red cells 100 Platelets 8" in lines
    assert "2 fields recorded of 4 frames, 1 dropped" in lines
    assert "Rejected: out of focus 1" in lines
    assert "The target of 100 white cells was not reached: 10 were classified." in lines
    assert any(line.startswith("Percentages are of the classified white cells. 95 % CI: Clopper") for line in lines)
    assert f"Database {path}" in lines
    assert lines[-1] == RESEARCH_USE_NOTICE


def test_the_morphology_of_a_class_is_said_with_its_share(path: Path) -> None:
    record_described(path)
    with Reader(path) as reader:
        report = build_report(reader)
    assert report.attributes["neutrophil"]["nucleus_shape"] == {"segmented-multilobed": 3}
    assert "cell_size" not in report.attributes["neutrophil"]
    said = [line for line in report_lines(report) if ", morphology: " in line]
    assert said == ["Neutrophils (4), morphology: multilobed nucleus 75%, small pink granules 100%"]
    assert said[0] in drawn(report_view(report))


def test_the_terminal_says_the_same_as_the_plain_text(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        report = build_report(reader)
    plain = {line for line in squeezed("\n".join(report_lines(report))) if line.strip("-")}
    assert plain <= set(squeezed(drawn(report_view(report))))


def test_an_empty_session_can_be_shown(path: Path) -> None:
    with open_writer(path) as writer:
        totals = writer.commit_tallies(writer.start_session(session_start()), {"frames": 3})
        with Reader(path) as reader:
            lines = squeezed("\n".join(report_lines(build_report(reader))))
    assert "Neutrophils 0 – –" in lines
    assert "Nucleated red cells /100 WBC –" in lines
    assert "Neutrophils 0 – –" in squeezed(drawn(live_table(totals, {})))


def test_the_live_table_shows_status_counts_and_notice(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        totals = reader.totals(1)
    lines = squeezed(drawn(live_table(totals, {"camera": "demo [red]", "state": "live", "fps": None})))
    assert "camera demo [red]" in lines  # not taken for markup
    assert "Lymphocytes 4 40.0 12.2 – 73.8" in lines
    assert lines[-1] == RESEARCH_USE_NOTICE
    assert not any("fps" in line for line in lines)
    assert progress_line(totals) == (
        "fields 2  WBC 12 (neu 6 eos 0 bas 0 lym 4 mon 0 ig 0, unclassified 2)  RBC 100  PLT 8  rejected 1  dropped 1"
    )


def test_the_live_table_has_no_figure_for_a_class_that_the_model_does_not_know(path: Path) -> None:
    record(path, LABELS)
    with Reader(path) as reader:
        lines = squeezed(drawn(live_table(reader.totals(1), {}, ("basophil", "erythroblast"))))
    assert "Basophils 0 – – not known to the model" in lines
    assert "Nucleated red cells 1 not known to the model" in lines


def test_a_label_cannot_move_the_cursor(path: Path) -> None:
    record(path, LABELS, label="a\x1b[2Jb\nc")
    with Reader(path) as reader:
        report = build_report(reader)
    assert report_lines(report)[0] == 'White-cell differential, session 1 "a·[2Jb·c" (finished)'
    assert "\x1b" not in drawn(report_view(report))


def test_densities_are_told_with_their_intervals(path: Path) -> None:
    settings = {"calibration.um_per_px": 0.5, "estimate.white_factor": 0.004, "estimate.platelet_factor": 0.6}
    record(path, LABELS, settings=settings)
    with Reader(path) as reader:
        lines = report_lines(build_report(reader, nucleated_count=11.0))
    # 12 cells on 649 x 480 px of half a micrometre: 0.0779 mm²
    assert "White cells about 0.616 ×10⁹/L (0.318 – 1.08), 154 per mm² on 0.0779 mm²" in lines
    assert "White count 11, corrected for nucleated red cells: 10.00" in lines
    assert not any("hemato-edge calibrate" in line for line in lines)


def test_the_red_cells_diameters_are_told_from_a_hundred_on(path: Path) -> None:
    sizes = {f"red_cell_size:{number}": 30 for number in range(420, 430)}  # about 70 px, a few percent each way
    record(path, LABELS, tallies=sizes, settings={"calibration.um_per_px": 0.1})
    with Reader(path) as reader:
        report = build_report(reader)
    (line,) = [line for line in report_lines(report) if line.startswith("Red-cell diameter")]
    assert "300 cells that stand free: mean 6.98 (6.96 – 7.00) µm, coefficient of variation 2.9 (2.6 – 3.1) %" in line
    assert report.red_cells is not None
    assert report.red_cells.mean_px.value == pytest.approx(69.8, abs=0.1)


def test_nothing_is_told_of_a_few_red_cells(path: Path) -> None:
    record(path, LABELS, tallies={"red_cell_size:425": 99})
    with Reader(path) as reader:
        assert not any("Red-cell diameter" in line for line in report_lines(build_report(reader)))


def test_a_flag_stands_beside_its_row(path: Path) -> None:
    record(path, ["neutrophil"] * 60 + ["lymphocyte"] * 40, settings={"reference.neutrophil": [0, 10]})
    with Reader(path) as reader:
        lines = squeezed("\n".join(report_lines(build_report(reader))))
    assert "Neutrophils 60 60.0 49.7 – 69.7 HIGH" in lines
    assert any("hemato-edge calibrate" in line for line in lines)


def test_where_most_frames_are_rejected_it_says_what_to_do(path: Path) -> None:
    advice = "Too dark. Turn the lamp up, or open the diaphragm."
    record(path, LABELS, tallies={"frames": 40, "rejected:too_dark": 19})
    with Reader(path) as reader:
        assert advice not in report_lines(build_report(reader))  # half of them
    record(path, LABELS, tallies={"frames": 40, "rejected:too_dark": 20})
    with Reader(path) as reader:
        assert advice in report_lines(build_report(reader))
        assert "Zu dunkel." in "\n".join(report_lines(build_report(reader), "de"))
