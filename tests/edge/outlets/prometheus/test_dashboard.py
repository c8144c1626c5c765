"""The dashboard and the alerts ask for metrics that a device gives, in PromQL that Prometheus takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from captured_boards import build
from control_sessions import STEADY_PX, record_control, record_ordinary
from prometheus_client.parser import text_string_to_metric_families
from recorded import field_result
from test_server import counted, scraped
from typer.testing import CliRunner

from hemato_edge.cli.sending.metrics import app
from hemato_edge.outlets.prometheus.dashboard import ALERTS, PANELS, dashboard
from hemato_edge.outlets.prometheus.server import Metrics
from hemato_edge.settings import MetricsSettings

NAME = re.compile(r"\b(?:hemato_edge|process)_[a-z0-9_]+")
PROMTOOL = shutil.which("promtool")


def queries() -> list[str]:
    return [query for panel in PANELS for query in panel.queries.values()] + [alert.when for alert in ALERTS]


@pytest.fixture
def given(tmp_path: Path) -> dict[str, set[str]]:
    """Metric → its labels, of a device on which everything that can be told is told."""
    record_control(tmp_path / "x.db", (*STEADY_PX, 45.0))
    record_ordinary(tmp_path / "x.db", [231.0] * 12)
    publisher = SimpleNamespace(broker=SimpleNamespace(connected=True), waiting=3)
    board = build(tmp_path / "board", "Pi Zero 2 W")
    with Metrics(MetricsSettings(port=0), tmp_path / "x.db", board) as metrics:
        metrics.analysed(field_result(1))
        metrics.committed(field_result(1))
        camera = SimpleNamespace(state="live")
        metrics.watch(counted(**{"rejected:too_dark": 1}), camera, {"version": "1"}, publisher)  # type: ignore[arg-type]
        text = scraped(metrics.address)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {name: {label for one in samples if one.name == name for label in one.labels} for name in
            {sample.name for sample in samples}}  # fmt: skip


def test_every_metric_and_label_that_is_asked_for_is_given(given: dict[str, set[str]]) -> None:
    asked = {name for query in [*queries(), json.dumps(dashboard())] for name in NAME.findall(query)}
    assert asked - set(given) == set()
    for query in queries():
        for name, labels in re.findall(r"(hemato_edge_[a-z0-9_]+)\{([^}]*)\}", query):
            wanted = set(re.findall(r"(\w+)=", labels)) - {"instance"}
            assert wanted <= given[name], query
    for panel in PANELS:
        for legend, query in panel.queries.items():
            wanted = set(re.findall(r"\{\{(\w+)\}\}", legend)) - {"instance"}
            assert wanted <= set().union(*(given[name] for name in NAME.findall(query))), legend


def test_panels_lie_apart_and_each_has_a_query() -> None:
    made = dashboard()["panels"]
    places = {(one["gridPos"]["x"], one["gridPos"]["y"]) for one in made}
    assert len(places) == len(made) == len(PANELS)
    assert all(one["targets"] for one in made)
    assert len({one["id"] for one in made}) == len(made)


def test_the_files_are_written_for_the_devices_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["files", str(tmp_path / "out"), "--target", "pi-1:9464", "--target", "it's:1"])
    assert done.exit_code == 0, done.output
    made = json.loads((tmp_path / "out" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    assert made["title"] == "hemato-edge"
    assert "- 'pi-1:9464'\n          - 'it''s:1'" in (tmp_path / "out" / "prometheus.yml").read_text(encoding="utf-8")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: sudo apt-get install prometheus")
def test_prometheus_takes_the_configuration_and_the_alerts(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["files", str(tmp_path), "--target", "127.0.0.1:9464"])
    done = subprocess.run(
        [str(PROMTOOL), "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: sudo apt-get install prometheus")
def test_prometheus_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"q{i}", "expr": query.replace("$__rate_interval", "5m")} for i, query in enumerate(queries())]
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(tmp_path / "rules.json")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
