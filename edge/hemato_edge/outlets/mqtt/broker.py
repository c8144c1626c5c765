"""The connection to an MQTT broker: paho reconnects with its own back-off; the state is described in words."""

from __future__ import annotations

import json
import logging
import queue
import socket
import ssl
import sys
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hemato_edge.about import __version__
from hemato_edge.errors import MissingExtraError
from hemato_edge.outlets.mqtt.access import address, credentials, device_name, tls_context
from hemato_edge.outlets.mqtt.home_assistant import discovery
from hemato_edge.outlets.mqtt.messages import STATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import Client

    from hemato_edge.outlets.mqtt.outbox import Message
    from hemato_edge.settings import MqttSettings

IN_FLIGHT = 20
"""Messages that may be under way at once."""
KEEPALIVE_S = 30
"""A broker that says nothing for so long is taken for gone."""
CONNECT_TIMEOUT_S = 5.0
BACKOFF_S = (1, 120)
"""paho waits so long between tries: from, doubled up to, seconds."""
_AT_LEAST_ONCE = 1
_DATED = (9, 10)
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""

log = logging.getLogger(__name__)


class Broker:
    """A client of one broker. No method blocks on the network except `close`, for a bounded time.

    Args:
        settings: with a host.
        client_id: identifies this device to the broker; two clients with the same id disconnect each other.
        wake: called, from the network's thread, whenever something has changed.

    Attributes:
        connected: whether the broker has let us in.
        trouble: why not, in a sentence; None while connected or before the first try has ended.
        answers: (number that `send` returned, None or why the broker refused the message).

    Raises:
        MissingExtraError: paho-mqtt is not installed.
        ConfigurationError: see `access`.
    """

    def __init__(self, settings: MqttSettings, client_id: str, wake: Callable[[], None]) -> None:
        try:
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
        except ImportError as error:
            raise MissingExtraError(
                "MQTT needs paho-mqtt, which is not installed.", "Type `pip install 'hemato-edge[mqtt]'`."
            ) from error
        self.connected = False
        self.trouble: str | None = None
        self.answers: queue.SimpleQueue[tuple[int, str | None]] = queue.SimpleQueue()
        self._wake = wake
        self._device = device_name(settings)
        self._base = f"{settings.topic}/{self._device}"
        self._announced = list(discovery(settings, self._device)) if settings.home_assistant else []
        self._host, self._port = address(settings)
        protocol = MQTTProtocolVersion.MQTTv5 if settings.protocol == "5" else MQTTProtocolVersion.MQTTv311
        self._client: Client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol)
        self._client.username_pw_set(*credentials(settings))
        context = tls_context(settings)
        self._tls = context is not None
        if context is not None:
            self._client.tls_set_context(context)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.reconnect_delay_set(*BACKOFF_S)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.will_set(f"{self._base}/{STATE}", self._state("offline"), _AT_LEAST_ONCE, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return f"{self._host}:{self._port}"

    def start(self) -> None:
        """Start connecting in paho's own thread; returns at once."""
        self._client.connect_async(self._host, self._port, KEEPALIVE_S)
        self._client.loop_start()

    def send(self, message: Message) -> int:
        """Queue a message; `answers` holds its acknowledgement. paho sends it again after a lost connection."""
        topic = f"{self._base}/{message.kind}"
        return self._client.publish(topic, message.payload, _AT_LEAST_ONCE, retain=message.retain).mid

    def close(self, wait_s: float) -> None:
        """Disconnect cleanly if connected, waiting for at most the given time."""
        if self.connected:
            told = self._client.publish(f"{self._base}/{STATE}", self._state("offline"), _AT_LEAST_ONCE, retain=True)
            try:
                told.wait_for_publish(wait_s)
            except (RuntimeError, ValueError):
                log.debug("the broker left before it was told that this device goes offline")
        self.connected = False
        for name in ("on_connect", "on_connect_fail", "on_disconnect", "on_publish"):
            setattr(self._client, name, None)
        self._client.disconnect()
        # loop_stop waits for a broker that does not answer, so somebody else waits for it.
        ending = threading.Thread(target=self._client.loop_stop, name="mqtt-end", daemon=True)
        ending.start()
        ending.join(wait_s)

    def _state(self, state: str) -> str:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        more = {"version": __version__, "since_utc": now} if state == "online" else {}
        return json.dumps({"device": self._device, "state": state, **more})

    def _on_connect(self, client: Client, data: object, flags: object, reason: Any, properties: object) -> None:
        if reason.is_failure:
            self._troubled(self._refusal(str(reason)))
            return
        self.connected = True
        self.trouble = None
        log.info("connected to %s", self.name)
        for topic, payload in self._announced:
            client.publish(topic, payload, _AT_LEAST_ONCE, retain=True)
        client.publish(f"{self._base}/{STATE}", self._state("online"), _AT_LEAST_ONCE, retain=True)
        self._wake()

    def _refusal(self, reason: str) -> str:
        if reason in ("Not authorized", "Bad user name or password", "Bad authentication method"):
            return (
                f"{self.name} refused the user name or the password ({reason}). "
                "Check mqtt.username, and mqtt.password or mqtt.password_file."
            )
        return f"{self.name} refused the connection: {reason}."

    def _on_connect_fail(self, client: Client, data: object) -> None:
        # paho calls this inside its `except OSError`; the error itself is not handed on.
        self._troubled(self._failure(sys.exc_info()[1]))

    def _failure(self, error: BaseException | None) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            fix = "Name its authority in mqtt.ca_file, and the broker in mqtt.host as its certificate does."
            if error.verify_code in _DATED:
                fix = "Check this device's date (`date`); if it is right, the broker's certificate has to be renewed."
            return f"the certificate of {self.name} cannot be trusted: {error.verify_message.rstrip('.')}. {fix}"
        if isinstance(error, ssl.SSLError) or (self._tls and isinstance(error, ConnectionResetError)):
            reason = getattr(error, "reason", None) or error.strerror
            asked = "Is mqtt.port the broker's TLS port? Plain text: mqtt.security = none."
            return f"no TLS with {self.name}: {reason}. {asked}"
        if isinstance(error, socket.gaierror):
            return f"the name {self._host} is not known to the network. Check mqtt.host, and the network."
        if isinstance(error, ConnectionRefusedError):
            return f"nothing listens at {self.name}. Is the broker running, and mqtt.port right?"
        reason = getattr(error, "strerror", None) or str(error)
        return f"{self.name} cannot be reached: {reason}. Check the network, mqtt.host and mqtt.port."

    def _on_disconnect(self, client: Client, data: object, flags: object, reason: Any, properties: object) -> None:
        was, self.connected = self.connected, False
        if was:
            self._troubled(f"the connection to {self.name} broke off ({reason}).")
        elif self.trouble is None:
            self._troubled(f"{self.name} closed the connection before letting us in ({reason}).")

    def _on_publish(self, client: Client, data: object, number: int, reason: Any, properties: object) -> None:
        self.answers.put((number, str(reason) if reason.is_failure else None))
        self._wake()

    def _troubled(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("%s Counting goes on; counts wait in the outbox.", trouble)
        self.trouble = trouble
        self._wake()
