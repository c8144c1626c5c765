"""The metrics of a scrape, read from the daemon, the disk and the board when it happens."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from hemato_edge.device.memory import read_memory
from hemato_edge.device.temperature import read_temperatures
from hemato_edge.device.throttling import FLAGS, read_throttling
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.outlets.prometheus.controls import ControlReadings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from hemato_edge.device.machine import Machine
    from hemato_edge.outlets.mqtt.publisher import Publisher
    from hemato_edge.store.records import Totals

CAMERA_STATES = ("live", "stalled", "recovering", "failed")
_PREFIX = "hemato_edge_"
_TALLIES = {
    "frames": ("frames_read", "Frames read from the camera."),
    "dropped": ("frames_dropped", "Frames that the analysis was too slow for."),
    "tracking_lost": ("tracking_lost", "Times that the way over the slide was lost."),
    "inferences": ("inferences", "Cells that the classifier looked at."),
}
"""Tally → name and help of its counter."""
_REASONS = {
    "rejected:": ("frames_rejected", "Frames that were not counted, by reason."),
    "skipped:": ("frames_skipped", "Frames or files that could not be read, by reason."),
}


class Counts(Protocol):
    """Protocol of what the metrics read; `pipeline.daemon.Daemon` implements it."""

    @property
    def totals(self) -> Totals | None:
        """Totals on disk; None before a session has started."""

    def current_tallies(self) -> dict[str, int]:
        """Name → count as of now, see `store.writer.Writer.commit_field`."""


class Readings(Collector):
    """A collector of prometheus_client. It reports on the board before it has anything to count.

    Args:
        database: whose disk is looked at.
        machine: whose temperature, memory and throttling are read.
    """

    def __init__(self, database: Path, machine: Machine) -> None:
        self._database = database
        self._machine = machine
        self._counts: Counts | None = None
        self._camera: object = None
        self._build: dict[str, str] = {}
        self._publisher: Publisher | None = None
        self._controls = ControlReadings(database)

    def watch(self, counts: Counts, camera: object, build: Mapping[str, str], publisher: Publisher | None) -> None:
        """See `metrics.Metrics.watch`."""
        self._camera, self._build, self._publisher = camera, dict(build), publisher
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """All of this moment's values."""
        yield from self._of_the_board()
        yield from self._of_the_disk()
        if self._build:
            yield InfoMetricFamily(_PREFIX + "build", "What runs here.", self._build)
        if self._publisher is not None:
            yield _gauge("mqtt_connected", "Whether the broker has let us in.", float(self._publisher.broker.connected))
            yield _gauge("mqtt_outbox_messages", "Messages not acknowledged yet.", self._publisher.waiting)
        if self._counts is not None:
            yield from self._of_the_camera()
            yield from _of_frames(self._counts.current_tallies())
            if self._counts.totals is not None:
                yield from _of_cells(self._counts.totals)
                yield from self._controls.of(self._counts.totals.session)

    def _of_the_camera(self) -> Iterator[Metric]:
        state = camera_state(self._camera)
        if state is not None:
            metric = _gauge("camera_state", "1 for the state that the camera is in, else 0.", labels=["state"])
            for name in CAMERA_STATES:
                metric.add_metric([name], float(name == state))
            yield metric

    def _of_the_board(self) -> Iterator[Metric]:
        warmth = _gauge("temperature_celsius", "Temperature of a thermal zone.", labels=["zone"])
        for zone, celsius in read_temperatures(self._machine).items():
            warmth.add_metric([zone], celsius)
        yield warmth
        throttling = read_throttling(self._machine)
        now = _gauge("throttling", "1 for what slows the board down now.", labels=["cause"])
        past = _gauge("throttled_since_boot", "1 for what has slowed the board down since boot.", labels=["cause"])
        if throttling is not None:
            known = () if throttling.bits is None else FLAGS.values()
            for cause in sorted({*known, *throttling.since_boot}):
                now.add_metric([cause], float(cause in throttling.now))
                past.add_metric([cause], float(cause in throttling.since_boot))
        yield from (now, past)
        memory = read_memory(self._machine)
        if memory.available is not None:
            yield _gauge("memory_available_bytes", "Memory that programs can still get.", memory.available)

    def _of_the_disk(self) -> Iterator[Metric]:
        try:
            disk = os.statvfs(self._database.parent)
        except OSError:  # an SD card that is gone: its absence shows that
            return
        yield _gauge("store_free_bytes", "Free space on the database's disk.", disk.f_bavail * disk.f_frsize)
        sizes = [path.stat().st_size for path in _files(self._database) if path.exists()]
        yield _gauge("store_size_bytes", "Size of the database with its write-ahead log.", sum(sizes))


def camera_state(camera: object) -> str | None:
    """The state of a camera that reports it (by `health.state` or `state`), one of `CAMERA_STATES`, else None."""
    found: Any = getattr(getattr(camera, "health", camera), "state", None)
    name = str(getattr(found, "value", found)).lower()
    return name if name in CAMERA_STATES else None


def _of_frames(tallies: Mapping[str, int]) -> Iterator[Metric]:
    for tally, (name, text) in _TALLIES.items():
        yield CounterMetricFamily(_PREFIX + name, text, tallies.get(tally, 0))
    for prefix, (name, text) in _REASONS.items():
        metric = CounterMetricFamily(_PREFIX + name, text, labels=["reason"])
        for tally, count in sorted(tallies.items()):
            if tally.startswith(prefix):
                metric.add_metric([tally.removeprefix(prefix)], count)
        yield metric


def _of_cells(totals: Totals) -> Iterator[Metric]:
    yield _gauge("session_number", "Number of the session in this device's database.", totals.session)
    yield CounterMetricFamily(_PREFIX + "fields", "Fields of view on disk.", totals.fields)
    kinds = CounterMetricFamily(_PREFIX + "cells_counted", "Cells on disk, each once, by kind.", labels=["kind"])
    for kind, count in (("wbc", totals.wbc), ("rbc", totals.rbc), ("platelet", totals.platelet)):
        kinds.add_metric([kind], count)
    yield kinds
    classes = CounterMetricFamily(_PREFIX + "cells_classified", "Judged cells on disk, by class.", labels=["label"])
    for label in (*CLASSIFIER_LABELS, UNCLASSIFIED):
        classes.add_metric([label], totals.labels.get(label, 0))
    yield classes


def _gauge(name: str, text: str, value: float | None = None, labels: list[str] | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value, labels=labels)


def _files(database: Path) -> list[Path]:
    return [database, database.with_name(database.name + "-wal")]
