"""Quality over time as one self-contained page, made from `templates/qc.html.j2`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.quality_control.lots import NO_BASELINE
from hemato_edge.views.quality_control import words
from hemato_edge.views.quality_control.chart import levey_jennings

if TYPE_CHECKING:
    from hemato_edge.quality_control.lots import Lot
    from hemato_edge.quality_control.overview import Overview

TEMPLATES = Path(__file__).parent / "templates"


def page(view: Overview) -> str:
    """The page. All text in it is escaped by the template; only drawings go in as they are."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("qc.html.j2").render(
        lots=[_lot(lot) for lot in view.lots],
        drifts=[(words.drift_line(one), one.trend.drifts) for one in view.drifts],
        agreement=list(words.day_rows(view)),
        words=words,
        notice=RESEARCH_USE_NOTICE,
    )


def _lot(lot: Lot) -> dict[str, object]:
    return {
        "title": words.lot_title(lot),
        "lines": list(words.lot_lines(lot)),
        "rows": [words.chart_row(chart)[:-1] for chart in lot.charts],
        "drawings": [
            (chart.measure.title, chart.state, levey_jennings(chart).as_svg())
            for chart in lot.charts
            if chart.state != NO_BASELINE
        ],
    }
