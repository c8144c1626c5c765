"""Bins of fields in the record, and figures of fields drawn anew."""

from __future__ import annotations

import pytest

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.counting.red_cells.by_field import around, bins_by_field, percent_of, resampled, tally_name, together

WHAT = "red_cell_size:"


def test_bins_are_found_field_by_field_and_other_names_are_not() -> None:
    tallies = {tally_name(WHAT, 0, 400): 3, tally_name(WHAT, 0, 410): 1, tally_name(WHAT, 12, 400): 5, "frames": 7}
    tallies |= {"red_cell_size:x:1": 9, "red_cell_size:1:2:3": 9, "red_cell_size:": 9}
    fields = bins_by_field(tallies, WHAT)
    assert sorted(one.total() for one in fields) == [4, 5]
    assert together(fields) == {400: 8, 410: 1}


def test_an_older_session_is_one_field() -> None:
    (only,) = bins_by_field({"red_cell_size:400": 3, "red_cell_size:401": 4}, WHAT)
    assert only == {400: 3, 401: 4}


def test_fields_are_drawn_whole() -> None:
    sums = [(10.0, 100.0), (20.0, 0.0), (0.0, 0.0)]
    drawn = resampled(sums)
    assert all(cells > 1 for cells, _ in drawn)
    assert {found for _, found in drawn} == {0.0, 100.0, 200.0, 300.0}
    assert drawn == resampled(sums)


def test_few_fields_have_a_wider_interval_than_their_resamples() -> None:
    low, high = around(10.0, [9.0, 10.0, 11.0], 4)
    assert low < 9.0 < 11.0 < high
    assert around(10.0, [10.0] * 3, 4) == (10.0, 10.0)


def test_a_share_has_the_wider_interval_of_cells_and_of_fields() -> None:
    alike, unlike = [(20.0, 4.0)] * 10, [(20.0, 8.0), (20.0, 0.0)] * 5
    low, value, high = percent_of(alike)
    assert value == 20
    assert (low, high) == pytest.approx([100 * end for end in clopper_pearson(40, 200)])
    wide = percent_of(unlike)
    assert wide[1] == 20
    assert wide[0] < low - 3
    assert wide[2] > high + 3
