"""Pallor and hypochromia from what the record keeps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hemato_edge.counting.red_cells.by_field import tally_name
from hemato_edge.counting.red_cells.pallor import FEW_CELLS, NO_PALLOR, TALLY, central_pallor, pallor_bin


def tallies(fields: list[np.ndarray]) -> dict[str, int]:
    names = (tally_name(TALLY, i, pallor_bin(float(share))) for i, one in enumerate(fields) for share in one)
    return {"frames": 9, **Counter(names)}


def test_the_interval_holds_the_true_share_though_fields_differ() -> None:
    rng, held = np.random.default_rng(4), 0
    for _ in range(200):
        shares = np.clip(rng.normal(0.15, 0.06, 20), 0, 1)
        fields = [np.where(rng.random(20) < share, 0.6, 0.4) for share in shares]
        found = central_pallor(tallies(fields))
        assert found is not None
        assert found.hypochromic_percent is not None
        held += found.hypochromic_percent[0] <= 15 <= found.hypochromic_percent[2]
    assert held >= 180


def test_the_limit_itself_is_not_hypochromic_and_the_median_is_the_cells() -> None:
    found = central_pallor(tallies([np.repeat([0.41, 0.5, 0.51, 0.0], 30)]))
    assert found is not None
    assert found.hypochromic_percent is not None
    assert found.hypochromic_percent[1] == pytest.approx(25)
    assert found.seen_percent == pytest.approx(75)
    assert found.diameter_percent == pytest.approx(50, abs=1.5)


@pytest.mark.parametrize(
    ("shares", "why"), [([0.4] * 99, FEW_CELLS), ([0.0] * 90 + [0.4] * 20, NO_PALLOR), ([0.4] * 100, None)]
)
def test_what_cannot_be_told_is_said(shares: list[float], why: str | None) -> None:
    found = central_pallor(tallies([np.array(shares)]))
    assert found is not None
    assert found.not_assessed == why
    assert (found.hypochromic_percent is None) is (why is not None)


def test_nothing_is_told_where_nothing_was_looked_for() -> None:
    assert central_pallor({"frames": 9, "red_cell_size:400": 300}) is None
