"""Mean and spread of the red cells' diameters from what the record keeps: bins of one percent."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hemato_edge.counting.red_cell_sizes import LEAST_CELLS, bin_of, red_cell_sizes, tally_name


def tallies(diameters: np.ndarray) -> dict[str, int]:
    bins = Counter(bin_of(float(diameter)) for diameter in diameters)
    return {"frames": 7, **{tally_name(number): count for number, count in bins.items()}}


@pytest.mark.parametrize("scale", [14.0, 70.0, 400.0])
def test_the_intervals_hold_the_truth_as_often_as_they_say(scale: float) -> None:
    rng = np.random.default_rng(2)
    held, sessions = np.zeros(2), 300
    for _ in range(sessions):
        found = red_cell_sizes(tallies(rng.normal(scale, 0.06 * scale, 150)))
        assert found is not None
        held += [low <= true <= high for (low, _, high), true in ((found.mean_px, scale), (found.spread_percent, 6.0))]
    assert (held / sessions >= 0.91).all()


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
