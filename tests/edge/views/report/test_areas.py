"""Counts per field, per red cell and per area: exact intervals, each place once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from recorded import field_result, session_start

from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.areas import areas_of, per_field, white_per_1000_red, widened

AREAS = {"wbc": 500.0, "rbc": 1000.0, "platelet": 1200.0}


def test_white_cells_per_red_cell_are_compared_over_their_own_areas() -> None:
    figure = white_per_1000_red({"wbc": 10, "rbc": 1000, "platelet": 0}, AREAS)
    assert figure is not None
    assert figure.value == pytest.approx(20.0)


def test_the_interval_of_the_ratio_holds_the_truth() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(400):
        counts = {"wbc": int(rng.poisson(8)), "rbc": int(rng.poisson(900)), "platelet": 0}
        figure = white_per_1000_red(counts, AREAS)
        assert figure is not None
        assert figure.ci_high is not None
        held += figure.ci_low <= 1000 * (8 / 500) / (900 / 1000) <= figure.ci_high
    assert held / 400 > 0.94


def test_without_red_cells_there_is_no_ratio() -> None:
    assert white_per_1000_red({"wbc": 3, "rbc": 0, "platelet": 0}, AREAS) is None


def test_per_field_is_the_density_times_the_view(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, field_result(0), {})
    with Reader(path) as reader:
        fields = list(reader.fields(session))
        areas = areas_of(fields, {})
    view = 640 * 480
    assert areas == dict.fromkeys(("wbc", "rbc", "platelet"), view)
    shares = per_field(
        {"wbc": 4, "rbc": 0, "platelet": 9}, fields, {"wbc": 2 * view, "rbc": view, "platelet": 3 * view}
    )
    assert [figure and figure.value for figure in shares.values()] == [2.0, 0.0, 3.0]
    assert shares["rbc"] is not None
    assert shares["rbc"].ci_high == pytest.approx(3.6889, abs=1e-3)  # -ln(0.025)


def test_widening_adds_in_quadrature_and_leaves_the_value() -> None:
    low, value, high = widened((8.0, 10.0, 13.0), 0.3)
    assert value == 10.0
    assert low == pytest.approx(10 * math.exp(-math.hypot(math.log(10 / 8), 0.3)))
    assert high == pytest.approx(10 * math.exp(math.hypot(math.log(1.3), 0.3)))
    assert widened((8.0, 10.0, 13.0), 0.0) == pytest.approx((8.0, 10.0, 13.0))
    assert widened((0.0, 0.0, 3.69), 0.1)[0] == 0.0
