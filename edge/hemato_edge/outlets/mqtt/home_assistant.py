"""Home Assistant's MQTT discovery: what the messages hold, told so that it shows each device without configuration.

One retained message for each sensor at `PREFIX/sensor/NODE/OBJECT/config`, with the keys that
https://www.home-assistant.io/integrations/sensor.mqtt documents.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from hemato_edge.about import __version__
from hemato_edge.labels import BY_NAME, LEUKOCYTES
from hemato_edge.outlets.mqtt.messages import COUNTS, SESSION, STATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.settings import MqttSettings

_ROW = "value_json.differential | selectattr('label', 'eq', '{label}') | first"


def discovery(settings: MqttSettings, device: str) -> Iterator[tuple[str, str]]:
    """Topic and payload of each sensor's message.

    Args:
        settings: of MQTT.
        device: its name in topics.
    """
    node = _identifier(device)
    base = f"{settings.topic}/{device}"
    shared = {
        "availability_topic": f"{base}/{STATE}",
        "availability_template": "{{ value_json.state }}",
        "payload_available": "online",
        "payload_not_available": "offline",
        "device": {
            "identifiers": [node],
            "name": f"hemato-edge {device}",
            "manufacturer": "hemato-edge",
            "model": "White-cell differential, for research use only",
            "sw_version": __version__,
        },
        "origin": {"name": "hemato-edge", "sw_version": __version__},
        "qos": 1,
    }
    for name, sensor in _sensors(base):
        whole = {"unique_id": f"{node}_{name}", **sensor, **shared}
        topic = f"{settings.home_assistant_prefix}/sensor/{node}/{name}/config"
        yield topic, json.dumps(whole, ensure_ascii=False)


def _sensors(base: str) -> Iterator[tuple[str, dict[str, object]]]:
    counts, session = f"{base}/{COUNTS}", f"{base}/{SESSION}"
    for label in LEUKOCYTES:
        row = _ROW.format(label=label)
        yield (
            label,
            {
                "name": BY_NAME[label].plural,
                "state_topic": counts,
                "value_template": f"{{{{ ({row}).percent }}}}",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "suggested_display_precision": 1,
                "json_attributes_topic": counts,
                "json_attributes_template": (
                    f"{{% set row = {row} %}}"
                    "{{ {'cells': row.count, 'ci_low': row.ci_low, 'ci_high': row.ci_high, "
                    "'session': value_json.session.number, 'notice': value_json.notice} | tojson }}"
                ),
            },
        )
    plain = {
        "classified": ("Classified white cells", "value_json.classified"),
        "unclassified": ("Unclassified", "value_json.labels.unclassified"),
        "erythroblast": ("Nucleated red cells", "value_json.labels.erythroblast"),
        "rbc": ("Red cells", "value_json.counts.rbc"),
        "platelet": ("Platelets", "value_json.counts.platelet"),
    }
    for name, (words, template) in plain.items():
        yield (
            name,
            {
                "name": words,
                "state_topic": counts,
                "value_template": f"{{{{ {template} }}}}",
                "unit_of_measurement": "cells",
                "state_class": "measurement",
            },
        )
    yield "session", {"name": "Session", "state_topic": counts, "value_template": "{{ value_json.session.number }}"}
    yield "state", {"name": "Count", "state_topic": session, "value_template": "{{ value_json.state }}"}
    yield (
        "verification",
        {"name": "Microscope", "state_topic": counts, "value_template": "{{ value_json.verification }}"},
    )


def _identifier(device: str) -> str:
    """A device's name as Home Assistant takes it, letters, digits, _ and - alone; different for different names."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", device)
    if plain != device:
        plain += "_" + hashlib.sha256(device.encode()).hexdigest()[:8]
    return f"hemato_edge_{plain}"
