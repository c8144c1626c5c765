"""A source's figures of red cells are those of a report with the same tallies."""

from __future__ import annotations

from typing import Any

import pytest

from hemato_edge.archives.red_cell_columns import RED_CELLS, red_cell_row
from hemato_edge.counting.red_cells import pallor, shapes, sizes
from hemato_edge.counting.red_cells.by_field import tally_name
from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.views.report.red_cells.build import diameters_of, pallor_of

HEALTHY = 1.0


def tallies() -> dict[str, int]:
    """Six fields of fifty cells: two sizes, a third of them hypochromic, a fifth ovalocytes."""
    found = {"platelets_seen": 40, "platelets_giant": 3, "platelets_clumped": 5}
    for number in range(6):
        for diameter, cells in ((50.0, 30), (54.0, 20 + number)):
            found[tally_name(sizes.TALLY, number, sizes.bin_of(diameter))] = cells
        found[tally_name(pallor.TALLY, number, pallor.pallor_bin(0.8))] = 17
        found[tally_name(pallor.TALLY, number, pallor.pallor_bin(0.4))] = 33 + number
        found[tally_name(shapes.TALLY, number, SHAPES.index("ovalocyte"))] = 10
        found[tally_name(shapes.TALLY, number, SHAPES.index("normal"))] = 40 + number
    return found


def named(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip([column.name for column in RED_CELLS], row, strict=True))


def test_figures_are_the_reports() -> None:
    row, report = named(red_cell_row(tallies(), {"ovalocyte": HEALTHY})), diameters_of(tallies(), None, 0.0)
    assert report is not None
    for name, figure in (("diameter_px", report.mean_px), ("diameter_cv_percent", report.spread_percent)):
        found = [row[f"rbc_{name}{end}"] for end in ("", "_low", "_high")]
        assert found == pytest.approx([figure.value, figure.ci_low, figure.ci_high], abs=1e-3)
    pale = pallor_of(tallies())
    assert pale is not None
    assert pale.hypochromic_percent is not None
    assert row["rbc_hypochromic_percent"] == pytest.approx(pale.hypochromic_percent.value, abs=1e-3)
    assert row["rbc_hypochromia_grade"] == pale.grade == "2+"
    assert (row["rbc_measured"], row["platelet_giant"], row["platelet_clumped"]) == (315, 3, 5)


def test_only_reliable_shapes_have_a_share() -> None:
    row = named(red_cell_row(tallies(), {"ovalocyte": HEALTHY}))
    assert row["rbc_named"] == 315
    assert row["rbc_ovalocyte_percent_low"] < row["rbc_ovalocyte_percent"] < row["rbc_ovalocyte_percent_high"]
    assert row["rbc_ovalocyte_percent"] == pytest.approx(100 * 60 / 315)
    assert row["rbc_ovalocyte_grade"] == "2+"
    assert (row["rbc_spherocyte_percent"], row["rbc_spherocyte_grade"]) == (None, None)
    assert named(red_cell_row(tallies(), {}))["rbc_ovalocyte_percent"] is None


def test_without_red_cells_all_is_null() -> None:
    assert set(red_cell_row({}, {})) == {None}
    assert len(red_cell_row({}, {})) == len(RED_CELLS)
