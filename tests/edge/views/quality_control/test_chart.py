"""A Levey-Jennings chart as a drawing."""

from __future__ import annotations

from pathlib import Path

from control_sessions import STEADY_PX, record_control

from hemato_edge.quality_control.lots import Chart, control_lots
from hemato_edge.store.reader import Reader
from hemato_edge.views.images.drawing import Dot, Label
from hemato_edge.views.quality_control.chart import MOST_POINTS, levey_jennings
from hemato_edge.views.quality_control.words import chart_row, course


def size_chart(path: Path, *later_px: float) -> Chart:
    record_control(path, (*STEADY_PX, *later_px))
    with Reader(path) as reader:
        return control_lots(reader)[0].charts[0]


def test_each_session_is_a_dot_at_its_distance_and_a_broken_rule_stands_beside_it(tmp_path: Path) -> None:
    drawing = levey_jennings(size_chart(tmp_path / "r.db", 41.0, 41.4, 47.0))
    dots = [shape for shape in drawing.shapes if isinstance(shape, Dot)]
    words = {shape.text for shape in drawing.shapes if isinstance(shape, Label)}
    assert len(dots) == 23
    middle, warned, out = dots[-3:]
    assert middle.y > warned.y > out.y
    assert out.y >= 12  # drawn at four deviations, however far it is
    assert len({middle.colour, warned.colour, out.colour}) == 3
    assert {"1-2s", "1-3s", "mean", "+3 SD", "-3 SD", "baseline", "23"} <= words


def test_of_many_sessions_the_newest_are_drawn(tmp_path: Path) -> None:
    chart = size_chart(tmp_path / "r.db", 41.5)
    long = Chart(chart.measure, chart.mean, chart.deviation, chart.points * 10)
    assert sum(isinstance(shape, Dot) for shape in levey_jennings(long).shapes) == MOST_POINTS


def test_the_course_in_blocks_and_a_row(tmp_path: Path) -> None:
    chart = size_chart(tmp_path / "r.db", 41.0, 47.0)
    assert len(course(chart)) == 22
    assert course(chart)[-1] == "█"
    assert chart_row(chart)[:4] == ("Red-cell size", "41.00 ± 0.15 px", "47.00 px", "+10.0")


def test_without_limits_nothing_is_claimed(tmp_path: Path) -> None:
    record_control(tmp_path / "r.db", [41.0])
    with Reader(tmp_path / "r.db") as reader:
        chart = control_lots(reader)[0].charts[0]
    assert chart_row(chart) == ("Red-cell size", "–", "41.00 px", "–", "", "")
