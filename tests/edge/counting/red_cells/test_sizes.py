"""Mean and spread of the red cells' diameters from what the record keeps: bins of one percent."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hemato_edge.counting.red_cells.by_field import tally_name
from hemato_edge.counting.red_cells.sizes import LEAST_CELLS, TALLY, bin_of, red_cell_sizes


def tallies(diameters: np.ndarray) -> dict[str, int]:
    """As sessions were recorded before fields were told apart."""
    bins = Counter(bin_of(float(diameter)) for diameter in diameters)
    return {"frames": 7, **{f"{TALLY}{number}": count for number, count in bins.items()}}


def tallies_by_field(fields: list[np.ndarray]) -> dict[str, int]:
    names = (tally_name(TALLY, i, bin_of(float(size))) for i, one in enumerate(fields) for size in one)
    return {"frames": 7, **Counter(names)}


@pytest.mark.parametrize("scale", [14.0, 70.0, 400.0])
def test_the_intervals_hold_the_truth_as_often_as_they_say(scale: float) -> None:
    rng = np.random.default_rng(2)
    held, sessions = np.zeros(2), 300
    for _ in range(sessions):
        found = red_cell_sizes(tallies(rng.normal(scale, 0.06 * scale, 150)))
        assert found is not None
        held += [low <= true <= high for (low, _, high), true in ((found.mean_px, scale), (found.spread_percent, 6.0))]
    assert (held / sessions >= 0.91).all()


def test_the_intervals_hold_the_truth_where_fields_differ() -> None:
    """Each field is 4 % larger or smaller, as by focus: the cells alone would seem to know the mean twice as well."""
    rng = np.random.default_rng(5)
    held, sessions, total = np.zeros(2), 200, float(100 * np.hypot(0.06, 0.04))
    for _ in range(sessions):
        found = red_cell_sizes(
            tallies_by_field([rng.normal(70, 4.2, 15) * (1 + rng.normal(0, 0.04)) for _ in range(20)])
        )
        assert found is not None
        assert found.by_field
        held += [low <= true <= high for (low, _, high), true in ((found.mean_px, 70), (found.spread_percent, total))]
    assert (held / sessions >= 0.88).all()


def test_a_handful_of_fields_has_the_interval_of_its_cells() -> None:
    rng = np.random.default_rng(6)
    fields = [rng.normal(70, 4, 60) for _ in range(5)]
    few, enough = red_cell_sizes(tallies_by_field(fields[:4])), red_cell_sizes(tallies_by_field(fields))
    assert few is not None
    assert enough is not None
    assert (few.by_field, enough.by_field) == (False, True)
    assert (few.fields, enough.fields) == (4, 5)


def test_quantiles_are_by_the_median_and_what_was_not_measured_is_told() -> None:
    found = red_cell_sizes(
        {**tallies(np.random.default_rng(3).normal(70, 7, 4000)), "red_cells_left_out:cut": 12, "red_cells_left": 3}
    )
    assert found is not None
    assert found.not_measured == {"cut": 12}
    assert found.quantiles[0.05] == pytest.approx(1 - 0.1645, abs=0.012)
    assert found.quantiles[0.95] == pytest.approx(1 + 0.1645, abs=0.012)


def test_fragments_and_pairs_are_in_no_figure() -> None:
    singles = np.random.default_rng(3).normal(70, 4, 200)
    found = red_cell_sizes(tallies(np.concatenate([singles, [20.0, 30.0, 130.0]])))
    alone = red_cell_sizes(tallies(singles))
    assert found is not None
    assert alone is not None
    assert (found.cells, found.left_out, alone.left_out) == (200, 3, 0)
    assert (found.mean_px, found.spread_percent) == (alone.mean_px, alone.spread_percent)


def test_nothing_is_said_of_a_few_cells_or_of_other_tallies() -> None:
    few = np.full(LEAST_CELLS - 1, 70.0)
    assert red_cell_sizes(tallies(few)) is None
    assert red_cell_sizes({"red_cell_size:x": 500, "frames": 500}) is None
    assert red_cell_sizes(tallies(np.append(few, 70.0))) is not None
