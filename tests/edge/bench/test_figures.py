"""Figures, what they are taken to mean, and how they are told."""

from __future__ import annotations

import io
import re

import cv2
import numpy as np
import pytest
from made_report import made_figure, made_report

from hemato_edge.bench import judgement
from hemato_edge.bench.chart import draw
from hemato_edge.bench.figures import WATCHED, Climate, Report, figure
from hemato_edge.bench.measures import surroundings
from hemato_edge.bench.measures.inference import Combination, combination_of, thread_counts
from hemato_edge.bench.measures.timing import sample_ms
from hemato_edge.bench.tables import comparison_table, tables_of, verdicts_of
from hemato_edge.cli.device.bench_view import markdown_lines, plain_lines, rich_view


def test_a_figure_is_what_numpy_says() -> None:
    one = figure("a", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], []])
    values = np.arange(1, 7)
    assert one.count == 6
    assert (one.min, one.mean, one.p50) == (1.0, 3.5, 3.5)
    assert (one.p90, one.p95, one.p99) == pytest.approx(np.percentile(values, [90, 95, 99]))
    assert one.spread == pytest.approx(np.ptp(np.percentile(values, [25, 75])) / 3.5)
    assert one.drift == pytest.approx(5.5 / 1.5 - 1)
    assert one.visits == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))


@pytest.mark.parametrize(
    ("p95_ms", "offered"), [(33.0, 30.0), (33.4, 25.0), (8.0, 120.0), (1000.0, 1.0), (1001.0, 0.0), (60.0, 15.0)]
)
def test_the_camera_rate_that_is_held(p95_ms: float, offered: float) -> None:
    held, rate = judgement.camera_rate(p95_ms)
    assert held == pytest.approx(1000 / p95_ms)
    assert rate == offered


def test_a_device_that_slows_down_is_not_steady() -> None:
    chance = np.random.default_rng(1)
    flat = [(10 + chance.random(20)).tolist() for _ in range(9)]
    assert judgement.steadiness(flat, 10.0).steady  # type: ignore[union-attr]
    slowing = [[ms * (1 + turn / 10) for ms in visit] for turn, visit in enumerate(flat)]
    found = judgement.steadiness(slowing, 10.0)
    assert found is not None
    assert not found.steady
    assert found.ratio == pytest.approx(1.7 / 1.1, rel=0.05)
    assert judgement.steadiness(flat[:2], 10.0) is None


def climate(moment: str, **changes: object) -> Climate:
    calm = {
        "temperature_c": 50.0,
        "frequency_mhz": 1500.0,
        "throttled_now": (),
        "throttled_since_boot": (),
        "load": 0.1,
    }
    return Climate.model_validate({"moment": moment, **calm, **changes})


@pytest.mark.parametrize(
    ("changes", "shares", "word"),
    [
        ({}, (0.0, 0.0), None),
        ({"throttled_now": ("under-voltage",)}, (0.0, 0.0), "slowed itself down.*under-voltage"),
        ({"throttled_since_boot": ("throttled",)}, (0.0, 0.0), "Between two readings.*throttled"),
        ({"temperature_c": 84.0}, (0.0, 0.0), "84 °C"),
        ({}, (1.5, 0.0), "kept 1.5 of 4 processors busy"),
        ({}, (0.0, 0.4), "took away 0.4 processors"),
        ({"temperature_c": None, "throttled_now": None, "throttled_since_boot": None}, None, None),
    ],
)
def test_when_figures_are_not_to_be_trusted(
    changes: dict[str, object], shares: tuple[float, float] | None, word: str | None
) -> None:
    before = climate("before", throttled_since_boot=("processor frequency capped",))
    device = made_report().device
    said = surroundings.doubts(before, (before, climate("during", **changes), climate("after")), device, shares)
    if word is None:
        assert said == []
    else:
        assert re.search(word, " ".join(said))


def test_thread_counts_and_names() -> None:
    assert thread_counts(4) == (1, 2, 4)
    assert thread_counts(6, 3) == (1, 2, 3, 4, 6)
    assert thread_counts(1) == (1,)
    assert combination_of(Combination("locator", 4, 16).name) == Combination("locator", 4, 16)
    assert combination_of("frame.still") is None


def test_sampling_warms_up_and_keeps_its_bounds() -> None:
    calls: list[int] = []
    times = sample_ms(lambda: calls.append(1), 0.0, warm_up=2, least=3, most=200)
    assert len(times) == 3
    assert len(calls) == 4  # the time was over after one call of the warm-up
    assert len(sample_ms(lambda: None, 5.0, most=7)) == 7


def test_the_document_survives_a_round_and_keeps_its_schema() -> None:
    report = made_report()
    again = Report.model_validate_json(report.as_json())
    assert again == report
    schema = Report.model_json_schema(by_alias=True)
    assert schema["properties"]["schema"]["const"] == "hemato-edge/bench/1"
    assert schema["additionalProperties"] is False


def test_the_same_words_everywhere() -> None:
    report = made_report(doubts=("The board is on fire.",))
    plain, markdown = "\n".join(plain_lines(report)), "\n".join(markdown_lines(report))
    for text in (plain, markdown):
        assert "NOT TO BE TRUSTED: The board is on fire." in text
        assert "Holds 25 frames/s: worst case" in text
        assert "locator, 2 threads, batch 4" in text
    assert markdown.count("\n| ") >= sum(len(table.rows) for table in tables_of(report))
    widths = {len(line.split("|")) for line in markdown.splitlines() if line.startswith("| classifier,")}
    assert len(widths) == 1
    from rich.console import Console

    screen = io.StringIO()
    Console(width=200, file=screen).print(rich_view(report))
    assert "The board is on fire." in screen.getvalue()


def test_limits_name_the_heaviest_stage_and_more_threads() -> None:
    report = made_report()
    figures = {one.name: one for one in report.figures}
    said = " ".join(judgement.limits(figures, report.scenes, report.device, None))
    assert "`locate`" in said
    assert "With 2 threads the locator would be 1.8 times as fast" in said
    assert verdicts_of(report)[0].startswith("Holds 90 frames/s: still")


def test_a_watched_run_is_told_beside_an_unwatched_one() -> None:
    report = made_report()
    assert not any("watches" in line for line in verdicts_of(report))
    rates = made_figure("program.moving", 40), made_figure(WATCHED, 38)
    told = verdicts_of(report.model_copy(update={"figures": (*report.figures, *rates)}))
    assert [line for line in told if "watches" in line] == [
        "Somebody watches, ten pictures a second: 38.4 frames/s on a moving stage, 0.95 of the rate with nobody"
    ]


def test_the_drawing_in_its_three_forms() -> None:
    drawing = draw(made_report(doubts=("It is <hot> & loud.",)))
    svg = drawing.as_svg()
    assert svg.startswith("<svg")
    assert "It is &lt;hot&gt; &amp; loud." in svg
    assert svg in drawing.as_html()
    image = cv2.imdecode(np.frombuffer(drawing.as_png(), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (round(drawing.height * 2), round(drawing.width * 2), 3)
    assert (image != 255).any(axis=2).mean() > 0.005


def test_a_comparison_is_a_table() -> None:
    from hemato_edge.bench.comparison import compare

    report = made_report()
    table = comparison_table(compare(report.figures, report.figures))
    assert len(table.rows) == len(report.figures)
    assert {row[-1] for row in table.rows} == {"no difference shown"}
