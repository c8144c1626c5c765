"""Prometheus metrics over HTTP: on loopback unless an address is set, and only if a port is set.

What is counted comes from the daemon: frames as of now, cells as they are on disk. Times are measured as frames go by.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from hemato_edge.device.machine import Machine
from hemato_edge.errors import OutletError
from hemato_edge.outlets.prometheus.readings import Counts, Readings
from hemato_edge.values import FieldResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from socketserver import BaseRequestHandler

    from hemato_edge.outlets.mqtt.publisher import Publisher
    from hemato_edge.settings import MetricsSettings
    from hemato_edge.values import Quality

STAGE_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""From a stage on a workstation to a whole frame on a Raspberry Pi Zero."""
COMMIT_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
CONNECTION_S = 10.0
"""The longest that a connection is held: Prometheus' own time-out of a scrape."""


class Metrics:
    """An observer of the daemon that serves its metrics; a context manager that stops the server at its end.

    Args:
        settings: with a port.
        database: whose disk is looked at.
        machine: whose temperature and throttling are read.

    Raises:
        OutletError: the port is taken, needs rights, or the address is not this machine's.
    """

    def __init__(self, settings: MetricsSettings, database: Path, machine: Machine | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a time series that nobody reads
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._stages = Histogram(
            "hemato_edge_stage_duration_seconds",
            "Time that a stage took for a frame that was counted.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self._commits = Histogram(
            "hemato_edge_frame_to_commit_seconds",
            "Time from a frame's capture until what it added was on disk.",
            buckets=COMMIT_BUCKETS_S,
            registry=registry,
        )
        self._readings = Readings(database, machine or Machine())
        registry.register(self._readings)
        host, port = settings.host, settings.port or 0
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise _not_served(error, host, port) from error
        self._server.RequestHandlerClass = _bounded(cast("type[BaseRequestHandler]", self._server.RequestHandlerClass))
        self.address = f"http://{_bracketed(host)}:{self._server.server_port}/metrics"

    def watch(self, counts: Counts, camera: object, build: Mapping[str, str], publisher: Publisher | None) -> None:
        """Connect the metrics to the running daemon.

        Args:
            counts: the daemon.
            camera: asked for its state, if it has one.
            build: name → value of what runs here: version, model …
            publisher: of MQTT, if it is on.
        """
        self._readings.watch(counts, camera, build, publisher)

    def analysed(self, result: FieldResult | Quality) -> None:
        """Record the durations of a frame's stages."""
        if isinstance(result, FieldResult):
            for stage, latency_ms in result.latency_ms.items():
                self._stages.labels(stage).observe(latency_ms / 1e3)

    def committed(self, result: FieldResult) -> None:
        """Record the delay between a frame's exposure and its commit."""
        self._commits.observe(max(0.0, time.monotonic() - result.monotonic_s))

    def close(self) -> None:
        """Stop the server and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Metrics:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bounded(handler: type[BaseRequestHandler]) -> type[BaseRequestHandler]:
    """A request handler whose connections are closed after `CONNECTION_S`, whatever the client does."""

    class Bounded(handler):  # type: ignore[misc, valid-type]
        def handle(self) -> None:
            timer = threading.Timer(CONNECTION_S, self._end)
            timer.daemon = True
            timer.start()
            try:
                super().handle()
            finally:
                timer.cancel()

        def _end(self) -> None:
            with suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)

    return Bounded


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _not_served(error: OSError, host: str, port: int) -> OutletError:
    if error.errno == errno.EADDRINUSE:
        return OutletError(
            f"The metrics' port {port} on {host} is in use by another program.",
            f"Name another with --metrics or metrics.port; `ss -ltnp 'sport = :{port}'` tells who has it.",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return OutletError(
            f"Port {port} on {host} may not be opened for metrics.",
            "Name one above 1023 with --metrics or metrics.port.",
        )
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return OutletError(
            f"metrics.host = {host!r} is no address of this machine.",
            "Set 127.0.0.1, or 0.0.0.0 for all of its addresses.",
        )
    return OutletError(
        f"Metrics cannot be served at {host}:{port}: {error.strerror}.", "Check metrics.host and metrics.port."
    )
