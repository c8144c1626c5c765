"""Shares of shapes from what the record keeps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hemato_edge.counting.red_cells.by_field import tally_name
from hemato_edge.counting.red_cells.shapes import (
    FEW_CELLS,
    SHAPES,
    TALLY,
    UNLIKE,
    UNNAMED,
    ShapeShare,
    shape_shares,
)

OVAL, TARGET = SHAPES.index("ovalocyte"), SHAPES.index("target_cell")


def tallies(fields: list[list[int]]) -> dict[str, int]:
    return {"frames": 9, **Counter(tally_name(TALLY, i, n) for i, one in enumerate(fields) for n in one)}


def share(found: tuple[ShapeShare, ...], shape: str) -> ShapeShare:
    return next(one for one in found if one.shape == shape)


def test_shares_are_of_the_named_cells_and_only_reliable_ones_are_told() -> None:
    fields = [[0] * 30 + [OVAL] * 10 + [TARGET] * 5 + [UNNAMED] * 5] * 8
    found = shape_shares(tallies(fields), {"ovalocyte": 2.0})
    assert found is not None
    assert (found.cells, found.named, found.not_assessed) == (400, 360, None)
    oval = share(found.shares, "ovalocyte")
    assert oval.percent is not None
    assert oval.percent[1] == pytest.approx(100 * 80 / 360)
    assert oval.grade == "2+"  # 18 % at least, of which 2 % may be healthy cells
    assert share(found.shares, "target_cell").percent is None
    assert [one.shape for one in found.shares] == list(SHAPES[1:])


def test_what_healthy_cells_are_taken_for_gives_no_grade() -> None:
    fields = [[0] * 45 + [OVAL] * 5] * 10
    told = {healthy: shape_shares(tallies(fields), {"ovalocyte": healthy}) for healthy in (0.0, 5.0)}
    grades = {healthy: found and share(found.shares, "ovalocyte").grade for healthy, found in told.items()}
    assert grades == {0.0: "2+", 5.0: None}


def test_the_interval_holds_the_truth_where_fields_differ() -> None:
    rng, held = np.random.default_rng(2), 0
    for _ in range(100):
        rates = np.clip(rng.normal(0.1, 0.05, 15), 0, 1)
        found = shape_shares(
            tallies([np.where(rng.random(25) < rate, OVAL, 0).tolist() for rate in rates]), {"ovalocyte": 0}
        )
        assert found is not None
        percent = share(found.shares, "ovalocyte").percent
        assert percent is not None
        held += percent[0] <= 10 <= percent[2]
    assert held >= 90


@pytest.mark.parametrize(
    ("named", "unnamed", "why"), [(199, 0, FEW_CELLS), (200, 0, None), (139, 61, UNLIKE), (100, 20, FEW_CELLS)]
)
def test_few_or_strange_cells_are_not_assessed(named: int, unnamed: int, why: str | None) -> None:
    found = shape_shares(tallies([[0] * named + [UNNAMED] * unnamed]), {"ovalocyte": 1.0})
    assert found is not None
    assert found.not_assessed == why
    assert all((one.percent is None) is (why is not None) for one in found.shares if one.shape == "ovalocyte")
    assert shape_shares({"frames": 2}, {}) is None
