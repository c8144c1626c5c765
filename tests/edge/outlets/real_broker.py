"""A real Mosquitto and a real subscriber for the tests of what is sent."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from ports import own_port
from waiting import until

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class RealBroker:
    """Mosquitto on a free port of this machine. `lines` go into its configuration as they are."""

    def __init__(self, folder: Path, *lines: str) -> None:
        if MOSQUITTO is None:
            pytest.skip("Mosquitto is not installed: sudo apt-get install mosquitto")
        self.port = own_port()
        self.folder = folder
        self.lines = lines or ("allow_anonymous true",)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        configuration = self.folder / "mosquitto.conf"
        root = ["user root"] if os.geteuid() == 0 else []
        configuration.write_text("\n".join([f"listener {self.port} 127.0.0.1", *root, *self.lines]) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([str(MOSQUITTO), "-c", str(configuration)], stdout=log, stderr=log)
        until(self._listens, f"Mosquitto at {self.port}: {(self.folder / 'mosquitto.log').read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "mosquitto.log").read_text()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass
class Subscriber:
    """Hears all topics under hemato-edge/. Keeps its subscription at the broker while it is reconnecting."""

    port: int
    setup: Callable[[Client], object] = lambda client: None
    heard: list[tuple[str, bool, dict[str, object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self.setup(self._client)
        self._subscribed = False
        self._client.on_connect = lambda client, *_: client.subscribe("hemato-edge/#", 1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, message.retain, json.loads(message.payload))
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", self.port)
        self._client.loop_start()
        self.ready()

    def ready(self) -> None:
        until(lambda: self._subscribed, "subscription")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of_kind(self, kind: str) -> list[dict[str, object]]:
        return [message for topic, _, message in list(self.heard) if topic.endswith("/" + kind)]

    def ids(self) -> list[str]:
        return [str(message["id"]) for _, _, message in list(self.heard) if "id" in message]

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_disconnect(self, *_: object) -> None:
        self._subscribed = False
