"""Control slides in a real database: limits from the first ones, rules on the later ones."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from control_sessions import NORMAL, STEADY_PX, record_control, record_ordinary
from recorded import NOON

from hemato_edge.errors import ConfigurationError
from hemato_edge.languages import recorded_words_of
from hemato_edge.quality_control.daily import daily_agreement
from hemato_edge.quality_control.drift import drifts
from hemato_edge.quality_control.lots import BaselineChoice, Chart, Lot, control_lots
from hemato_edge.quality_control.overview import control_line
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def lots(path: Path, **chosen: object) -> list[Lot]:
    with Reader(path) as reader:
        return control_lots(reader, **chosen)  # type: ignore[arg-type]


def chart(lot: Lot, name: str) -> Chart:
    return next(one for one in lot.charts if one.measure.name == name)


def test_the_first_twenty_give_the_limits_and_a_shift_shows(path: Path) -> None:
    record_control(path, (*STEADY_PX, 41.05, 41.4, 41.4))
    (lot,) = lots(path)
    size = chart(lot, "red_cell_px")
    assert lot.baseline == tuple(range(1, 21))
    assert size.mean == pytest.approx(41.0)
    assert size.deviation == pytest.approx(0.1451, abs=1e-4)
    assert [point.broken for point in size.points[20:]] == [(), ("1-2s",), ("1-2s", "2-2s")]
    assert size.points[21].z == pytest.approx(0.4 / 0.1451, abs=1e-3)
    assert all(point.baseline and not point.broken for point in size.points[:20])
    assert (size.state, chart(lot, "neutrophil").state, lot.state) == ("out of control", "in control", "out of control")
    assert chart(lot, "neutrophil").mean == pytest.approx(60)
    assert chart(lot, "unclassified").mean == 0


def test_nineteen_sessions_give_no_limits(path: Path) -> None:
    record_control(path, STEADY_PX[:19])
    (lot,) = lots(path)
    assert lot.baseline == ()
    assert lot.state == "no baseline"
    assert "19 of the 20 sessions" in lot.notes[0]
    assert all(point.z is None for one in lot.charts for point in one.points)


def test_a_baseline_can_be_named_and_must_be_long_enough(path: Path) -> None:
    record_control(path, (48.0, *STEADY_PX))
    first = chart(lots(path)[0], "red_cell_px")
    assert first.mean is not None
    assert first.mean > 41.3
    named = chart(lots(path, baseline=BaselineChoice(frozenset(range(2, 22))))[0], "red_cell_px")
    assert named.mean == pytest.approx(41.0)
    assert named.points[0].broken == ("1-2s", "1-3s")
    with pytest.raises(ConfigurationError, match="CLSI"):
        BaselineChoice(frozenset({1, 2}))


def test_the_first_session_beyond_three_deviations_of_its_own_baseline_is_named(path: Path) -> None:
    record_control(path, (48.0, *STEADY_PX))
    assert any("session 1 of the baseline lies beyond 3" in note for note in lots(path)[0].notes)


def test_lots_and_objectives_are_apart_and_another_model_is_told(path: Path) -> None:
    record_control(path, STEADY_PX)
    record_control(path, STEADY_PX[:2], lot="QC-8")
    record_control(path, [41.0], model_sha256="cd" * 32)
    first, second = lots(path)
    assert (first.name, len(first.sessions), second.name, len(second.sessions)) == ("QC-7", 21, "QC-8", 2)
    assert any("Another model answers from session 23 on" in note for note in first.notes)
    assert lots(path, name="QC-8") == [second]


def test_a_mark_can_be_set_and_taken_back_afterwards(path: Path) -> None:
    record_ordinary(path, [231.0, 231.0])
    assert lots(path) == []
    with open_writer(path) as writer:
        writer.describe(2, "Ada", NOON, {"control": "QC-9"})
    with Reader(path) as reader:
        assert [one.control for one in reader.sessions()] == ["", "QC-9"]
        assert reader.control_lots() == {2: "QC-9"}
    with open_writer(path) as writer:
        writer.describe(2, "Ada", NOON, {"control": ""})
    assert lots(path) == []


def test_what_people_renamed_does_not_change_the_machines_course(path: Path) -> None:
    record_control(path, STEADY_PX)
    with open_writer(path) as writer:
        for cell in range(30):
            writer.relabel(20, 0, cell, "lymphocyte", "Ada", NOON)
    assert [point.value for point in chart(lots(path)[0], "neutrophil").points] == [60.0] * 20


def test_a_session_of_another_sample_names_the_last_control(path: Path) -> None:
    record_control(path, (*STEADY_PX, 45.0))
    record_ordinary(path, [231.0])
    with Reader(path) as reader:
        told = control_line(reader, reader.session(22))
        assert told == "Last control slide, session 21 of lot QC-7: out of control, 1-2s, 1-3s."
        assert control_line(reader, reader.session(21)) == "Control slide of lot QC-7: out of control, 1-2s, 1-3s."
        assert control_line(reader, reader.session(20)) == "Control slide of lot QC-7: baseline."
        assert control_line(reader, reader.session(5)) == "Control slide of lot QC-7: no baseline."
    assert recorded_words_of("de")(told) == (
        "Letzter Kontrollausstrich, Sitzung 21 der Charge QC-7: außer Kontrolle, 1-2s, 1-3s."
    )


def test_a_lamp_that_fades_is_told_with_the_sessions_that_are_left(path: Path) -> None:
    record_ordinary(path, [231.0 - 2 * i for i in range(15)])
    with Reader(path) as reader:
        lamp, stain, focus = drifts(reader)
    assert (lamp.measure.name, lamp.sessions, lamp.trend.drifts, lamp.limit) == ("lamp", (1, 15), True, 51.0)
    assert lamp.trend.slope == pytest.approx(-2)
    assert lamp.reached_in == pytest.approx(76)
    assert not stain.trend.drifts
    assert not focus.trend.drifts


def test_control_slides_and_another_camera_are_no_part_of_the_drift(path: Path) -> None:
    record_ordinary(path, [231.0] * 9)
    record_control(path, [41.0] * 5)
    with Reader(path) as reader:
        assert drifts(reader) == []


def test_reviewers_agree_with_the_machine_day_by_day(path: Path) -> None:
    record_control(path, STEADY_PX[:2])
    with open_writer(path) as writer:
        for cell, label in enumerate(NORMAL[:25]):
            writer.relabel(1, 0, cell, label, "Ada", NOON)
        writer.relabel(1, 0, 0, "basophil", "Bob", NOON)
        writer.relabel(2, 0, 70, "monocyte", "Ada", NOON)
    with Reader(path) as reader:
        first, second, third = daily_agreement(reader)
    assert (first.day, first.who, first.cells, first.same) == (NOON.date(), "Ada", 25, 25)
    assert first.kappa is not None
    assert (second.who, second.cells, second.same, second.kappa) == ("Bob", 1, 0, None)
    assert (third.day, third.cells) == ((NOON + timedelta(days=1)).date(), 1)
    assert first.percent[0] == pytest.approx(86.3, abs=0.1)
