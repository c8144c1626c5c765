"""What a report says of red cells and platelets, from what is on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import record

from hemato_edge.store.reader import Reader
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.registry import FORMATS
from hemato_edge.views.report.formats.text import report_lines
from hemato_edge.views.report.model import Report

LABELS = ["neutrophil"] * 12
SIZES = {f"red_cell_size:{field}:{number}": 5 for field in range(6) for number in range(420, 430)}
PALLOR = {f"red_cell_pallor:{field}:{number}": 25 for field in range(6) for number in (20, 30)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.db"


def reported(path: Path, tallies: dict[str, int], **options: object) -> Report:
    record(path, LABELS, tallies=tallies, **options)  # type: ignore[arg-type]
    with Reader(path) as reader:
        return build_report(reader, red_count=4.5)


def test_size_and_pallor_are_told_with_what_was_left_out(path: Path) -> None:
    lines = report_lines(
        reported(path, SIZES | PALLOR | {"red_cells_left_out:cut": 7, "red_cells_left_out:cluster": 9})
    )
    assert any(line.startswith("Red-cell diameter, 300 cells that stand free: mean 69.8") for line in lines)
    assert "Red cells left out: 7 cut by the border, 9 in rouleaux or clumps" in lines
    (pallor,) = [line for line in lines if line.startswith("Central pallor")]
    assert "in 100 % of 300 red cells" in pallor
    assert "hypochromic 50.0 (44.2 – 55.8) % (by this method, 10 % of healthy donors' cells) (3+, ICSH 2015)" in pallor


def test_what_cannot_be_assessed_says_so(path: Path) -> None:
    few = report_lines(reported(path, {"red_cell_size:0:425": 99, "red_cell_pallor:0:20": 99}))
    assert "Red-cell size and pallor: not assessed, 99 cells stand free of the 100 needed" in few
    assert not any("hypochromic" in line for line in few)


def test_a_slide_without_pallor_is_not_called_normochromic(path: Path) -> None:
    flat = {f"red_cell_pallor:{field}:0": 50 for field in range(6)}
    lines = report_lines(reported(path, SIZES | flat))
    assert "Central pallor: not assessed, only 0 % of the red cells show any" in lines


def test_platelets_are_estimated_in_two_ways_and_clumps_are_warned_of(path: Path) -> None:
    looks = {"platelets_seen": 40, "platelets_giant": 2, "platelets_clumped": 6}
    report = reported(path, looks, settings={"calibration.um_per_px": 0.1, "estimate.platelet_factor": 0.6})
    told = report.red_cell_morphology.platelets
    assert told.per_1000_red is not None
    assert told.by_red_count_e9_per_l is not None
    assert told.oil_fields is not None
    assert told.by_red_count_e9_per_l.value == pytest.approx(4.5 * told.per_1000_red.value, rel=1e-4)
    oil = told.oil_fields
    assert oil.e9_per_l.ci_low == pytest.approx(15 * oil.per_field.ci_low, rel=1e-3)
    assert oil.e9_per_l.ci_high == pytest.approx(20 * (oil.per_field.ci_high or 0), rel=1e-3)
    lines = report_lines(report)
    assert "Of 40 platelets, 2 are larger than a red cell and 6 lie in clumps of three or more" in lines
    assert "WARNING: platelets are clumped; their count and its estimates are too low" in lines


def test_the_table_and_the_page_have_it_too(path: Path) -> None:
    report = reported(path, SIZES | PALLOR | {"platelets_seen": 40, "platelets_giant": 2})
    with Reader(path) as reader:
        table = "".join(map(str, FORMATS["csv"].pieces([report], reader, "en")))
        page = "".join(map(str, FORMATS["html"].pieces([report], reader, "en")))
    assert "rbc:diameter_cv,300," in table
    assert "rbc:hypochromic,300,50.0," in table
    assert "platelet:giant,2," in table
    assert "<h2>Red cells and platelets</h2>" in page
    assert "hypochromic 50.0" in page


def test_a_session_from_before_is_told_as_it_was_recorded(path: Path) -> None:
    report = reported(path, {f"red_cell_size:{number}": 30 for number in range(420, 430)})
    assert report.red_cells is not None
    assert report.red_cells.interval_of == "cells"
    assert report.red_cell_morphology.pallor is None
    assert not any("Central pallor" in line for line in report_lines(report))


SHAPES = {f"red_cell_shape:{field}:{number}": n for field in range(8) for number, n in ((0, 30), (1, 10), (4, 5))}
HEAD = {"name": "shapes", "sha256": "ab", "reliable": {"ovalocyte": 2.0}, "absent": ["sickle_cell"]}


def test_shapes_are_told_with_grades_and_the_others_are_not_assessed(path: Path) -> None:
    report = reported(path, SHAPES, settings={"red_cell_shapes": HEAD})
    lines = report_lines(report)
    assert (
        "Red-cell shapes, 360 cells: ovalocytes and elliptocytes 22.2 (18.0 – 26.9) % (healthy donors' up to 2.0 %) "
        "(2+, ICSH 2015)"
    ) in lines
    (silent,) = [line for line in lines if line.startswith("Not assessed")]
    assert silent.endswith(": stomatocytes, spherocytes, target cells, teardrop cells, schistocytes, sickle cells")
    told = report.red_cell_morphology.shapes
    assert told is not None
    assert (told.head, told.cells, told.named) == ("shapes ab", 360, 360)


def test_cells_unlike_those_that_were_learnt_have_no_shares(path: Path) -> None:
    strange = {f"red_cell_shape:0:{number}": n for number, n in ((0, 200), (99, 100))}
    lines = report_lines(reported(path, strange, settings={"red_cell_shapes": HEAD}))
    assert any(line.startswith("Red-cell shapes: not assessed, only 67 % of the cells have a name") for line in lines)
    assert not any("ovalocytes" in line for line in lines)


def test_without_a_head_nothing_is_said_of_shapes(path: Path) -> None:
    assert not any("shapes" in line for line in report_lines(reported(path, SIZES)))
