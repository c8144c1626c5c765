"""Grades after ICSH 2015."""

from __future__ import annotations

import pytest

from hemato_edge.counting.red_cells.grades import grade_of


@pytest.mark.parametrize(
    ("feature", "percent", "grade"),
    [
        *(("hypochromia", 10.9, None), ("hypochromia", 11, "2+"), ("hypochromia", 20, "2+"), ("hypochromia", 21, "3+")),
        *(("target_cell", 4.9, None), ("target_cell", 5, "2+"), ("target_cell", 20.5, "3+")),
        *(("schistocyte", 0, None), ("schistocyte", 0.4, "1+"), ("schistocyte", 1, "2+"), ("schistocyte", 2.1, "3+")),
    ],
)
def test_grades_begin_where_the_table_says(feature: str, percent: float, grade: str | None) -> None:
    assert grade_of(feature, percent) == grade
