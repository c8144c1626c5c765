"""The metrics of quality over time: made anew with each session, since reading all of them takes a while."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from hemato_edge.errors import StoreError
from hemato_edge.quality_control.drift import drifts
from hemato_edge.quality_control.lots import STATES, control_lots
from hemato_edge.store.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from hemato_edge.quality_control.drift import Drift
    from hemato_edge.quality_control.lots import Lot

_log = logging.getLogger(__name__)


class ControlReadings:
    """What the control slides and the trends of a database say.

    Args:
        database: may not be there yet.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._session: int | None = None
        self._metrics: list[Metric] = []

    def of(self, session: int) -> list[Metric]:
        """The metrics as of the sessions before the one that runs; none where the database cannot be read."""
        if session != self._session:
            self._session, self._metrics = session, []
            try:
                with Reader(self._database) as reader:
                    self._metrics = [*_of_lots(control_lots(reader)), *_of_drifts(drifts(reader))]
            except StoreError as error:  # the run itself says what is wrong with its database
                _log.warning("no metrics of quality over time: %s", error)
        return self._metrics


def _of_lots(lots: list[Lot]) -> Iterator[Metric]:
    where = ["lot", "profile"]
    state = GaugeMetricFamily(
        "hemato_edge_control_state", "1 for the state of a lot of control slides, else 0.", labels=[*where, "state"]
    )
    far = GaugeMetricFamily(
        "hemato_edge_control_deviation",
        "The newest control slide's distance from its baseline, in standard deviations.",
        labels=[*where, "measure"],
    )
    for lot in lots:
        key = [lot.name, lot.profile or ""]
        for name in STATES:
            state.add_metric([*key, name], float(name == lot.state))
        for chart in lot.charts:
            z = chart.points[-1].z
            if z is not None:
                far.add_metric([*key, chart.measure.name], z)
    yield from (state, far)


def _of_drifts(found: list[Drift]) -> Iterator[Metric]:
    told = GaugeMetricFamily(
        "hemato_edge_drift", "1 where a measure of the ordinary sessions drifts, else 0.", labels=["measure"]
    )
    slope = GaugeMetricFamily(
        "hemato_edge_drift_per_session", "Change of the measure from one session to the next.", labels=["measure"]
    )
    for one in found:
        told.add_metric([one.measure.name], float(one.trend.drifts))
        slope.add_metric([one.measure.name], one.trend.slope)
    yield from (told, slope)
