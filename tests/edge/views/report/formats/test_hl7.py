"""The HL7 message, read by one library and validated by another."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import NOON, record

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.hl7 import Addresses, control_id, oru_r01

hl7 = pytest.importorskip("hl7", reason="the library hl7 is not installed")
parser = pytest.importorskip("hl7apy.parser", reason="hl7apy is not installed")
LABELS = ["neutrophil"] * 60 + ["lymphocyte"] * 40 + ["unclassified"] * 2 + ["erythroblast"] * 10
SETTINGS = {"reference.neutrophil": [0.0, 10.0], "calibration.um_per_px": 0.1, "estimate.white_factor": 0.4}


def message(path: Path, **changes: object) -> str:
    if not path.exists():
        record(path, LABELS, **{"settings": SETTINGS, **changes})
    with Reader(path) as reader:
        return oru_r01(build_report(reader), Addresses("micro-1", "LIS", "LAB"))


def test_figures_intervals_and_counts_have_their_codes(tmp_path: Path) -> None:
    found = hl7.parse(message(tmp_path / "x.db"))
    observed = {str(one[3][0][0]): one for one in found.segments("OBX")}
    assert [int(str(one[1])) for one in found.segments("OBX")] == list(range(1, len(observed) + 1))
    neutrophils, interval, cells = (observed[code] for code in ("26511-6", "neutrophil-ci95", "neutrophil-cells"))
    assert (str(neutrophils[2]), str(neutrophils[5]), str(neutrophils[6][0][0])) == ("NM", "60", "%")
    assert (str(neutrophils[7]), str(neutrophils[8]), str(neutrophils[11])) == ("0-10", "H", "P")
    assert str(interval[2]) == "SN"
    low, dash, high = (str(part) for part in interval[5][0][1:])
    assert (float(low), dash, float(high)) == pytest.approx((49.72092, "-", 69.67052), abs=1e-5)
    assert str(cells[5]) == "60"
    assert str(observed["19048-8"][5]) == "10"
    assert str(observed["unclassified"][5]) == "2"
    assert "49498-9" in observed
    assert RESEARCH_USE_NOTICE in [str(one[3]) for one in found.segments("NTE")]
    assert {str(one[11]) for one in found.segments("OBX")} == {"P"}
    assert str(found.segment("MSH")[11]) == "T"


def test_hl7apy_finds_no_error(tmp_path: Path) -> None:
    made = parser.parse_message(message(tmp_path / "x.db"))
    assert made.validate(report_file=str(tmp_path / "report.txt"))
    errors = [line for line in (tmp_path / "report.txt").read_text().splitlines() if line.startswith("Error")]
    assert errors == []


@pytest.mark.parametrize("label", ["tube|12^é µ&~\\", "two\rlines\nMSH|^~\\&|x", "\x0b\x1c", "顕微鏡"])
def test_a_sample_s_name_stays_one_field(tmp_path: Path, label: str) -> None:
    text = message(tmp_path / "x.db", label=label)
    assert not {"\n", "\x0b", "\x1c"} & set(text)
    found = hl7.parse(text)
    assert [str(segment[0]) for segment in found].count("MSH") == 1
    told = found.unescape(str(found.segment("SPM")[2][0][1]))
    assert told == "".join(sign if sign.isprintable() else " " for sign in label)


def test_the_same_report_has_the_same_id_and_an_approval_another(tmp_path: Path) -> None:
    first = message(tmp_path / "x.db")
    assert message(tmp_path / "x.db") == first
    with open_writer(tmp_path / "x.db") as writer:
        writer.approve(1, "Ada", NOON)
    second = message(tmp_path / "x.db")
    assert control_id(second) != control_id(first)
    assert "Approved by Ada" in second


def test_without_cells_no_percentage_is_told(tmp_path: Path) -> None:
    record(tmp_path / "x.db", [])
    found = hl7.parse(message(tmp_path / "x.db"))
    codes = {str(one[3][0][0]) for one in found.segments("OBX")}
    assert "26511-6" not in codes
    assert "neutrophil-cells" in codes
