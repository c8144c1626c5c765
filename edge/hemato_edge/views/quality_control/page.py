"""Quality over time as one self-contained page, made from `templates/qc.html.j2`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.languages import words_of
from hemato_edge.quality_control.lots import NO_BASELINE
from hemato_edge.views.quality_control import words
from hemato_edge.views.quality_control.chart import levey_jennings

if TYPE_CHECKING:
    from hemato_edge.quality_control.lots import Lot
    from hemato_edge.quality_control.overview import Overview

TEMPLATES = Path(__file__).parent / "templates"


def page(view: Overview, language: str = "en") -> str:
    """The page in a language. All text in it is escaped by the template; only drawings go in as they are."""
    from jinja2 import Environment, FileSystemLoader

    _ = words_of(language)
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template("qc.html.j2").render(
        lots=[_lot(lot, language) for lot in view.lots],
        drifts=[(words.drift_line(one, language), one.trend.drifts) for one in view.drifts],
        drift_note=words.drift_note(language) if view.drifts else _(words.TOO_FEW),
        agreement=list(words.day_rows(view, language)),
        day_note=words.day_note(language),
        words=words,
        language=language,
        notice=_(RESEARCH_USE_NOTICE),
        _=_,
    )


def _lot(lot: Lot, language: str) -> dict[str, object]:
    _ = words_of(language)
    return {
        "title": words.lot_title(lot, language),
        "lines": list(words.lot_lines(lot, language)),
        "rows": [words.chart_row(chart, language)[:-1] for chart in lot.charts],
        "drawings": [
            (_(chart.measure.title), _(chart.state), levey_jennings(chart, language).as_svg())
            for chart in lot.charts
            if chart.state != NO_BASELINE
        ],
    }
