"""What `run` sends and serves while it counts: nothing, and nothing loaded for it, unless the settings ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hemato_edge.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from hemato_edge.cameras.camera import Camera
    from hemato_edge.outlets.mqtt.publisher import Publisher
    from hemato_edge.outlets.prometheus.server import Metrics
    from hemato_edge.pipeline.running.daemon import Daemon
    from hemato_edge.pipeline.running.run_state import Observer
    from hemato_edge.settings import MetricsSettings, Settings


class Outlets:
    """The ways out that are asked for, open from `with` to its end. Leave it before the database is closed.

    Args:
        settings: effective ones.
        database: there already.

    Raises:
        MissingExtraError, ConfigurationError, OutletError, StoreError: what is asked for cannot be had; before any
            frame is read.
    """

    def __init__(self, settings: Settings, database: Path) -> None:
        self._settings, self._database = settings, database
        self._metrics: Metrics | None = None
        self._publisher: Publisher | None = None
        if settings.metrics.port is not None:
            self._metrics = _metrics(settings.metrics, database)
        if settings.mqtt.host is not None:
            from hemato_edge.outlets.mqtt.publisher import Publisher

            try:
                self._publisher = Publisher(settings.mqtt, database)
            except BaseException:  # whatever it was: tidied up, and raised again
                self._close_metrics()
                raise

    @property
    def observer(self) -> Observer | None:
        """Who measures the daemon's frames."""
        return self._metrics

    def watch(self, daemon: Daemon, camera: Camera, versions: Mapping[str, str]) -> None:
        """Tell the metrics what to tell."""
        if self._metrics is not None:
            build = {name.replace("-", "_"): text for name, text in versions.items()}
            build["version"] = build.pop("hemato_edge", "")
            self._metrics.watch(daemon, camera, build, self._publisher)
            typer.echo(f"Metrics at {self._metrics.address}", err=True)

    def __enter__(self) -> Outlets:
        if self._publisher is not None:
            self._publisher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._publisher is not None and not self._publisher.stop():
            waiting, broker = self._publisher.waiting, self._publisher.broker.name
            typer.echo(f"{waiting} messages for {broker} wait; the next run sends them, or `mqtt send`.", err=True)
        self._close_metrics()
        if self._settings.hl7.host is not None:
            self._send_reports()

    def _send_reports(self) -> None:
        """The report of the session that has ended, and what waited; what is wrong is told, and ends nothing."""
        from hemato_edge.cli.sending.hl7 import lines, send_due
        from hemato_edge.errors import StoreError

        try:
            found = send_due(self._settings.hl7, self._database, self._settings.hl7.timeout_s)
        except StoreError as error:
            typer.echo(f"HL7: {error}", err=True)
            return
        for line in (*lines(found), *([str(found.trouble)] if found.trouble else [])):
            typer.echo(f"HL7: {line}", err=True)

    def _close_metrics(self) -> None:
        if self._metrics is not None:
            self._metrics.close()


def _metrics(settings: MetricsSettings, database: Path) -> Metrics:
    try:
        import prometheus_client  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingExtraError(
            "Metrics need prometheus_client, which is not installed.", "Type `pip install 'hemato-edge[metrics]'`."
        ) from error
    from hemato_edge.outlets.prometheus.server import Metrics

    return Metrics(settings, database)
