"""What Home Assistant is told, by a real broker: the documented keys alone; its templates find their figures."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from jinja2 import Environment, StrictUndefined
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from real_broker import RealBroker
from recorded import NOON, field_result, session_start
from waiting import DEADLINE_S, until

from hemato_edge.labels import LEUKOCYTES
from hemato_edge.outlets.mqtt.home_assistant import discovery
from hemato_edge.outlets.mqtt.publisher import Publisher
from hemato_edge.settings import MqttSettings
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report

SENSOR_KEYS: dict[str, type] = {
    "name": str,
    "unique_id": str,
    "state_topic": str,
    "value_template": str,
    "unit_of_measurement": str,
    "state_class": str,
    "suggested_display_precision": int,
    "json_attributes_topic": str,
    "json_attributes_template": str,
    "availability_topic": str,
    "availability_template": str,
    "payload_available": str,
    "payload_not_available": str,
    "qos": int,
    "device": dict,
    "origin": dict,
}
"""Those of https://www.home-assistant.io/integrations/sensor.mqtt that are used, with their types."""
DEVICE_KEYS = {"identifiers", "name", "manufacturer", "model", "sw_version"}
ORIGIN_KEYS = {"name", "sw_version", "support_url"}
TOPIC = re.compile(r"homeassistant/sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
"""As https://www.home-assistant.io/integrations/mqtt documents it: node and object of these characters alone."""


def settings(port: int, **changes: object) -> MqttSettings:
    plain = {"host": "127.0.0.1", "port": port, "security": "none", "device": "bench 1".replace(" ", "-")}
    return MqttSettings.model_validate(plain | {"every_s": 0.2, "home_assistant": True} | changes)


def check(topic: str, payload: dict[str, object]) -> None:
    assert TOPIC.fullmatch(topic), topic
    assert set(payload) <= set(SENSOR_KEYS)
    assert {"name", "unique_id", "state_topic", "device", "origin"} <= set(payload)
    assert all(isinstance(value, SENSOR_KEYS[key]) for key, value in payload.items())
    assert set(payload["device"]) <= DEVICE_KEYS  # type: ignore[call-overload]
    assert set(payload["origin"]) <= ORIGIN_KEYS  # type: ignore[call-overload]
    assert payload.get("state_class", "measurement") == "measurement"


def retained(port: int, wanted: int) -> dict[str, dict[str, object]]:
    """Topic → payload of what the broker keeps for those who come later."""
    found: dict[str, dict[str, object]] = {}
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda client, *_: client.subscribe("#", 1)
    client.on_message = lambda _client, _data, message: found.update({message.topic: json.loads(message.payload)})
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        until(lambda: len(found) >= wanted, f"{wanted} retained messages")
    finally:
        client.loop_stop()
        client.disconnect()
    return dict(found)


def shown(template: object, payload: dict[str, object]) -> str:
    """What Home Assistant makes of a template: it is Jinja, and an unknown name is an error here."""
    environment = Environment(undefined=StrictUndefined)  # noqa: S701 - no HTML is made
    return environment.from_string(str(template)).render(value_json=payload)


def test_every_sensor_finds_its_figure_with_the_report_s_interval(database: Path, broker: RealBroker) -> None:
    with open_writer(database) as writer:
        session = writer.start_session(session_start(settings={"mqtt.host": "127.0.0.1"}))
        writer.commit_field(session, field_result(0, ["neutrophil"] * 6 + ["lymphocyte"] * 3 + ["erythroblast"]), {})
        writer.end_session(session, "finished", NOON + timedelta(minutes=2))
    publisher = Publisher(settings(broker.port), database)
    publisher.start()
    until(lambda: publisher.idle, "all is sent")
    told = retained(broker.port, len(LEUKOCYTES) + 8 + 3)
    assert publisher.stop(DEADLINE_S)
    announced = {topic: payload for topic, payload in told.items() if topic.startswith("homeassistant/")}
    assert len({payload["unique_id"] for payload in announced.values()}) == len(announced) == len(LEUKOCYTES) + 8
    with Reader(database) as reader:
        rows = {row.label: row for row in build_report(reader).differential}
    for topic, payload in announced.items():
        check(topic, payload)
        state = told[str(payload["state_topic"])]
        value = shown(payload["value_template"], state)
        assert value
        assert shown(payload["availability_template"], told[str(payload["availability_topic"])]) == "online"
        label = topic.split("/")[-2]
        if label in rows:
            attributes = json.loads(shown(payload["json_attributes_template"], state))
            assert float(value) == pytest.approx(rows[label].percent, abs=0.01)
            assert attributes["ci_low"] == pytest.approx(rows[label].ci_low, abs=0.01)
            assert attributes["ci_high"] == pytest.approx(rows[label].ci_high, abs=0.01)
            assert attributes["cells"] == rows[label].count
            assert "Research Use Only" in attributes["notice"]


def test_without_the_setting_nothing_is_announced(database: Path, broker: RealBroker) -> None:
    publisher = Publisher(settings(broker.port, home_assistant=False), database)
    publisher.start()
    until(lambda: publisher.broker.connected, "the broker")
    told = retained(broker.port, 1)
    publisher.stop()
    assert not [topic for topic in told if topic.startswith("homeassistant/")]


def test_any_name_of_a_device_makes_topics_that_home_assistant_takes() -> None:
    names = ["Mikroskop.3", "Mikroskop-3", "顕微鏡", "a" * 60]
    topics = []
    for name in names:
        for topic, payload in discovery(settings(1883, device=name), name):
            check(topic, json.loads(payload))
            topics.append(topic)
    assert len(set(topics)) == len(topics)
