"""Metrics over real HTTP: what the demo gives, what the board says, and a port that is taken."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from captured_boards import build
from control_sessions import STEADY_PX, record_control, record_ordinary
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from recorded import field_result
from running import running
from waiting import DEADLINE_S, until

from hemato_edge.errors import OutletError
from hemato_edge.outlets.prometheus import server
from hemato_edge.outlets.prometheus.readings import CAMERA_STATES, camera_state
from hemato_edge.outlets.prometheus.server import Metrics
from hemato_edge.settings import MetricsSettings
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Totals
from hemato_edge.values import Quality

DEMO = ("run", "--camera", "demo", "--db", "counts.db", "--no-display", "--metrics", 0)


def scraped(address: str) -> str:
    with urllib.request.urlopen(address, timeout=DEADLINE_S) as answer:  # noqa: S310 - our own address
        text: str = answer.read().decode()
    return text


def samples(text: str) -> dict[tuple[str, ...], float]:
    """(name, label values …) → value."""
    found: list[Sample] = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in found}


def check_names(text: str) -> None:
    """Prometheus' conventions: counters end in _total, units are base units, everything has a help text and a type."""
    for family in text_string_to_metric_families(text):
        assert family.type in ("counter", "gauge", "histogram", "info"), family
        assert family.documentation, family
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total"), sample
            assert not any(unit in sample.name for unit in ("_ms", "_mb", "percent", "milliseconds")), sample
    promtool = shutil.which("promtool")
    if promtool is not None:
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_the_demo_is_counted_over_http_and_agrees_with_the_store(tmp_path: Path) -> None:
    with running(tmp_path, *DEMO) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        until(
            lambda: samples(scraped(address)).get(("hemato_edge_cells_counted_total", "wbc"), 0) >= 5, "5 white cells"
        )
        text = scraped(address)
        found = samples(text)
        with Reader(tmp_path / "counts.db") as reader:
            totals = reader.totals(1)  # read later than the scrape
    check_names(text)
    assert 5 <= found["hemato_edge_cells_counted_total", "wbc"] <= totals.wbc
    assert 1 <= found["hemato_edge_cells_counted_total", "rbc"] <= totals.rbc
    assert 1 <= found["hemato_edge_fields_total",] <= totals.fields
    assert found["hemato_edge_frames_read_total",] >= found["hemato_edge_fields_total",]
    assert found["hemato_edge_frames_dropped_total",] == 0  # the demo waits
    assert found["hemato_edge_stage_duration_seconds_count", "locate"] >= 1
    assert found["hemato_edge_frame_to_commit_seconds_count",] >= 1
    assert found["hemato_edge_session_number",] == 1
    assert found["process_resident_memory_bytes",] > 30e6
    assert found["hemato_edge_store_free_bytes",] > 0
    assert found["hemato_edge_store_size_bytes",] > 0
    assert any(name[0] == "hemato_edge_build_info" for name in found)
    assert process.returncode == 0


def test_after_the_run_nothing_listens(tmp_path: Path) -> None:
    with running(tmp_path, *DEMO, "--max-frames", 3) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().rsplit(":", 1)[1].split("/")[0])
        process.wait(DEADLINE_S)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_an_error_before_anything_is_counted(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with running(tmp_path, *DEMO[:-1], port) as process:
            _, stderr = process.communicate(timeout=DEADLINE_S)
    (line,) = (line for line in stderr.splitlines() if line.startswith("error: "))
    assert f"port {port} on 127.0.0.1 is in use" in line
    assert process.returncode == 11
    with Reader(tmp_path / "counts.db") as reader:
        assert reader.sessions() == []


@pytest.mark.parametrize("host", ["192.0.2.7", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(OutletError, match="no address of this machine"):
        Metrics(MetricsSettings(host=host, port=0), tmp_path / "x.db")


def test_a_connection_that_says_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTION_S", 0.2)
    with Metrics(MetricsSettings(port=0), tmp_path / "x.db") as metrics:
        port = int(metrics.address.split(":")[2].split("/")[0])
        for sent in (b"", b"GET /metrics HTTP/1.1\r\nX: "):
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as one:
                one.sendall(sent)
                assert one.recv(4096) == b""  # ended by the other side, long before this side's own time-out


def counted(**tallies: int) -> SimpleNamespace:
    totals = Totals(3, 2, 9, 4, 500, 20, {"neutrophil": 3, "unclassified": 1}, {"out_of_focus": 2}, 1, {})
    return SimpleNamespace(totals=totals, current_tallies=lambda: tallies)


def served(tmp_path: Path, board: str, camera: object) -> dict[tuple[str, ...], float]:
    with Metrics(MetricsSettings(port=0), tmp_path / "x.db", build(tmp_path / "board", board)) as metrics:
        metrics.analysed(field_result(1))
        metrics.analysed(Quality("out_of_focus"))
        tallies = {
            "frames": 9,
            "dropped": 1,
            "rejected:out_of_focus": 2,
            "rejected:too_dark": 1,
            "skipped:unreadable": 4,
        }
        metrics.watch(counted(**tallies), camera, {"version": "1.2.3"}, None)
        text = scraped(metrics.address)
    check_names(text)
    return samples(text)


def test_a_hot_pi_with_a_weak_supply(tmp_path: Path) -> None:
    found = served(tmp_path, "Pi Zero 2 W", SimpleNamespace(state="stalled"))
    assert found["hemato_edge_temperature_celsius", "cpu-thermal"] == 61.776
    assert found["hemato_edge_throttling", "under-voltage"] == 1
    assert found["hemato_edge_throttling", "soft temperature limit"] == 0
    assert found["hemato_edge_throttled_since_boot", "throttled"] == 1
    assert found["hemato_edge_memory_available_bytes",] == 293232 * 1024
    assert {name[1]: value for name, value in found.items() if name[0] == "hemato_edge_camera_state"} == {
        "live": 0,
        "stalled": 1,
        "recovering": 0,
        "failed": 0,
    }


def test_frames_and_cells_by_reason_and_class(tmp_path: Path) -> None:
    found = served(tmp_path, "Pi 5", SimpleNamespace())
    assert found["hemato_edge_frames_rejected_total", "out_of_focus"] == 2
    assert found["hemato_edge_frames_rejected_total", "too_dark"] == 1
    assert found["hemato_edge_frames_skipped_total", "unreadable"] == 4
    assert found["hemato_edge_cells_classified_total", "neutrophil"] == 3
    assert found["hemato_edge_cells_classified_total", "basophil"] == 0
    assert found["hemato_edge_stage_duration_seconds_count", "locate"] == 1
    assert found["hemato_edge_stage_duration_seconds_sum", "locate"] == pytest.approx(0.003)
    assert found["hemato_edge_build_info", "1.2.3"] == 1
    assert not any(name[0] == "hemato_edge_camera_state" for name in found)


def test_time_to_disk_starts_with_the_light(tmp_path: Path) -> None:
    with Metrics(MetricsSettings(port=0), tmp_path / "x.db") as metrics:
        result = field_result(1)
        before = time.monotonic() - result.monotonic_s
        metrics.committed(result)
        assert samples(scraped(metrics.address))["hemato_edge_frame_to_commit_seconds_sum",] >= before


@pytest.mark.parametrize("state", CAMERA_STATES)
def test_a_guarded_camera_tells_its_state(state: str) -> None:
    assert camera_state(SimpleNamespace(state=SimpleNamespace(value=state))) == state
    assert camera_state(SimpleNamespace(state="none", health=SimpleNamespace(state=state))) == state
    assert camera_state(SimpleNamespace(state="none")) is None


def test_control_slides_and_drift_are_told_once_a_session(tmp_path: Path) -> None:
    record_control(tmp_path / "x.db", (*STEADY_PX, 45.0))
    record_ordinary(tmp_path / "x.db", [231.0 - i for i in range(12)])
    found = served(tmp_path, "Pi 5", SimpleNamespace())
    assert found["hemato_edge_control_state", "QC-7", "", "out of control"] == 1
    assert found["hemato_edge_control_state", "QC-7", "", "in control"] == 0
    assert found["hemato_edge_control_deviation", "QC-7", "red_cell_px", ""] == 10
    assert found["hemato_edge_drift", "lamp"] == 1
    assert found["hemato_edge_drift", "stain"] == 0
    assert found["hemato_edge_drift_per_session", "lamp"] == pytest.approx(-1)
