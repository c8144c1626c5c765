"""Quality over time as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.escaped import json_text
from hemato_edge.views.report.formats.json_document import as_data

if TYPE_CHECKING:
    from hemato_edge.quality_control.lots import Lot
    from hemato_edge.quality_control.overview import Overview


def document(view: Overview, database: str) -> str:
    """One JSON document; its keys are the attributes of `quality_control`'s classes, with the states beside them."""
    whole = {
        "database": database,
        "lots": [_lot(lot) for lot in view.lots],
        "drifts": [as_data(one) | {"drifts": one.trend.drifts} for one in view.drifts],
        "agreement": as_data(view.agreement),
        "notice": RESEARCH_USE_NOTICE,
    }
    return json_text(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _lot(lot: Lot) -> dict[str, Any]:
    charts = [as_data(chart) | {"state": chart.state} for chart in lot.charts]
    told: dict[str, Any] = as_data(lot)
    return told | {"state": lot.state, "charts": charts}
