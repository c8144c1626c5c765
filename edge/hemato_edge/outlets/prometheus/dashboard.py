"""Files for who collects the metrics of several devices: a Grafana dashboard, Prometheus' configuration, alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.labels import LEUKOCYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT = 12, 8
"""Of a panel on Grafana's grid of 24 columns."""
_SOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
_WHITE = f'label=~"{"|".join(LEUKOCYTES)}"'
_HERE = 'instance=~"$instance"'
RULES_FILE = "hemato-edge-alerts.yml"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: over it.
        unit: Grafana's name of the unit.
        queries: legend → PromQL.
    """

    title: str
    unit: str
    queries: dict[str, str]


PANELS: tuple[Panel, ...] = (
    Panel(
        "Differential of the session: % of the classified white cells (intervals: report or MQTT)",
        "percent",
        {
            "{{instance}} {{label}}": f"100 * hemato_edge_cells_classified_total{{{_WHITE}, {_HERE}}}"
            f" / ignoring(label) group_left sum without (label)"
            f" (hemato_edge_cells_classified_total{{{_WHITE}, {_HERE}}})"
        },
    ),
    Panel("Cells of the session", "none", {"{{instance}} {{kind}}": f"hemato_edge_cells_counted_total{{{_HERE}}}"}),
    Panel(
        "Control slides: standard deviations from the baseline",
        "none",
        {"{{instance}} {{lot}} {{measure}}": f"hemato_edge_control_deviation{{{_HERE}}}"},
    ),
    Panel(
        "Control slides out of control, and drift",
        "none",
        {
            "{{instance}} {{lot}}": f'hemato_edge_control_state{{state="out of control", {_HERE}}}',
            "{{instance}} drift of {{measure}}": f"hemato_edge_drift{{{_HERE}}}",
        },
    ),
    Panel(
        "Frames a second",
        "none",
        {
            "{{instance}} read": f"rate(hemato_edge_frames_read_total{{{_HERE}}}[$__rate_interval])",
            "{{instance}} dropped": f"rate(hemato_edge_frames_dropped_total{{{_HERE}}}[$__rate_interval])",
            "{{instance}} {{reason}}": f"rate(hemato_edge_frames_rejected_total{{{_HERE}}}[$__rate_interval])",
            "{{instance}} lost track": f"rate(hemato_edge_tracking_lost_total{{{_HERE}}}[$__rate_interval])",
        },
    ),
    Panel(
        "Time of a counted frame, 95 % of them below",
        "s",
        {
            "{{instance}} {{stage}}": "histogram_quantile(0.95, sum by (instance, stage, le)"
            f" (rate(hemato_edge_stage_duration_seconds_bucket{{{_HERE}}}[$__rate_interval])))",
            "{{instance}} light to disk": "histogram_quantile(0.95, sum by (instance, le)"
            f" (rate(hemato_edge_frame_to_commit_seconds_bucket{{{_HERE}}}[$__rate_interval])))",
        },
    ),
    Panel("Camera (1: in this state)", "none", {"{{instance}} {{state}}": f"hemato_edge_camera_state{{{_HERE}}} == 1"}),
    Panel("Temperature", "celsius", {"{{instance}} {{zone}}": f"hemato_edge_temperature_celsius{{{_HERE}}}"}),
    Panel("Throttled by", "none", {"{{instance}} {{cause}}": f"hemato_edge_throttling{{{_HERE}}} == 1"}),
    Panel(
        "Memory and disk",
        "bytes",
        {
            "{{instance}} used by the program": f"process_resident_memory_bytes{{{_HERE}}}",
            "{{instance}} free memory": f"hemato_edge_memory_available_bytes{{{_HERE}}}",
            "{{instance}} free on the disk": f"hemato_edge_store_free_bytes{{{_HERE}}}",
            "{{instance}} database": f"hemato_edge_store_size_bytes{{{_HERE}}}",
        },
    ),
    Panel("MQTT: messages that wait", "none", {"{{instance}}": f"hemato_edge_mqtt_outbox_messages{{{_HERE}}}"}),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: as Prometheus shows it.
        when: PromQL.
        lasting: how long it has to hold.
        says: in words.
    """

    name: str
    when: str
    lasting: str
    says: str


ALERTS: tuple[Alert, ...] = (
    Alert(
        "HematoEdgeOutOfControl",
        'hemato_edge_control_state{state="out of control"} == 1',
        "1m",
        "A control slide breaks a rule: `hemato-edge qc` says which.",
    ),
    Alert("HematoEdgeDrift", "hemato_edge_drift == 1", "1m", "Lamp, stain or focus drifts: `hemato-edge qc`."),
    Alert(
        "HematoEdgeCameraFailed",
        'hemato_edge_camera_state{state="failed"} == 1',
        "1m",
        "The camera has failed and is not coming back.",
    ),
    Alert("HematoEdgeDiskFull", "hemato_edge_store_free_bytes < 5e8", "5m", "Less than 500 MB are free."),
    Alert("HematoEdgeThrottled", "max by (instance) (hemato_edge_throttling) == 1", "5m", "The board is slowed down."),
    Alert("HematoEdgeMqttWaits", "hemato_edge_mqtt_outbox_messages > 100", "15m", "Messages wait for the broker."),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it (schema 39, Grafana 11)."""
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "pluginId": "prometheus"}],
        "title": "hemato-edge",
        "uid": "hemato-edge",
        "description": RESEARCH_USE_NOTICE,
        "tags": ["hemato-edge"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_instances()]},
        "panels": [_panel(number, one) for number, one in enumerate(PANELS)],
    }


def scrape_file(targets: Sequence[str]) -> str:
    """Prometheus' configuration for the devices `targets`, each HOST:PORT."""
    listed = "\n".join(f"          - {_quoted(target)}" for target in targets)
    return (
        f"# Prometheus' configuration for hemato-edge. {RESEARCH_USE_NOTICE}\n"
        "global:\n  scrape_interval: 30s\n"
        f"rule_files:\n  - {RULES_FILE}\n"
        "scrape_configs:\n  - job_name: hemato-edge\n    static_configs:\n      - targets:\n"
        f"{listed}\n"
    )


def rules_file() -> str:
    """The alerts as Prometheus reads them."""
    rules = "\n".join(
        f"      - alert: {one.name}\n        expr: {_quoted(one.when)}\n        for: {one.lasting}\n"
        f"        annotations:\n          summary: {_quoted(one.says)}"
        for one in ALERTS
    )
    return f"# Alerts of hemato-edge. {RESEARCH_USE_NOTICE}\ngroups:\n  - name: hemato-edge\n    rules:\n{rules}\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": _WIDTH * (number % 2), "y": _HEIGHT * (number // 2), "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
            for i, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _instances() -> dict[str, Any]:
    return {
        "name": "instance",
        "label": "Device",
        "type": "query",
        "datasource": _SOURCE,
        "query": "label_values(hemato_edge_build_info, instance)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _quoted(text: str) -> str:
    """As a scalar of YAML."""
    return "'" + text.replace("'", "''") + "'"
