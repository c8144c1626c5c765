"""One self-contained HTML page of an evaluation, written for haematology staff."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import cv2
import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.data.cell_sets import LABORATORIES
from hemato_training.data.noncells import KINDS
from hemato_training.metrics.intervals import FEWEST
from hemato_training.report import diagrams
from hemato_training.runs.curves import confusion_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hemato_edge.values import Image
    from hemato_training.metrics.classification import Figures
    from hemato_training.metrics.out_of_distribution import OutlierFigures
    from hemato_training.report.report import Report

_JPEG_QUALITY = 88


def draw_all(report: Report) -> dict[str, Figure]:
    """Every diagram of a report by name; names of a laboratory's diagrams begin with its name."""
    evaluation = report.evaluation
    answers = report.tried.answers
    drawn: dict[str, Figure] = {}
    rows = [(name, figures, evaluation.details[name]) for name, figures in evaluation.laboratories.items()]
    drawn["overview"] = diagrams.overview(rows)
    for name, figures, details in rows:
        of = f"{name} {evaluation.split}, n = {figures.cells}"
        drawn[f"{name}-confusion"] = confusion_matrix(figures.confusion, CLASSIFIER_LABELS, of)
        drawn[f"{name}-classes"] = diagrams.class_figures(figures, details.intervals, f"{of}, 95 % intervals")
        if details.intervals.auc:
            own = answers.select(answers.laboratories == name)
            drawn[f"{name}-roc"] = diagrams.roc_curves(own, details.intervals, evaluation.temperature, of)
    named = {name: details for name, _, details in rows}
    drawn["reliability"] = diagrams.reliability_diagram(named, {name: f.cells for name, f, _ in rows})
    now = {name: (f.accepted, f.accepted_error) for name, f, _ in rows}
    drawn["risk-coverage"] = diagrams.risk_coverage_curves(named, evaluation.threshold, now)
    if report.outliers is not None:
        names = {key: stranger_name(key) for key in report.scores}
        drawn["strangers"] = diagrams.stranger_scores(report.scores, names, "How strange each crop looks to the model")
    for name, explanation in report.explanations.items():
        if explanation.sanity is not None:
            drawn[f"sanity-{name}"] = diagrams.sanity_curve(explanation.sanity)
    return drawn


def render(report: Report, drawn: dict[str, Figure]) -> str:
    """The page as HTML with embedded pictures; it loads nothing."""
    environment = Environment(
        loader=PackageLoader("hemato_training", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        pct=lambda share: f"{100 * share:.1f}",
        span=lambda pair: f"{100 * pair[0]:.1f}\u00a0–\u00a0{100 * pair[1]:.1f}",
        plain=lambda label: label.replace("_", " "),
        jpeg=jpeg_uri,
    )
    return environment.get_template("page.html.j2").render(
        report=report,
        evaluation=report.evaluation,
        provenance=report.provenance,
        explanations=report.explanations,
        notice=RESEARCH_USE_NOTICE,
        diagrams={name: svg_uri(figure) for name, figure in drawn.items()},
        mixups={name: mixups(figures) for name, figures in report.evaluation.laboratories.items()},
        laboratories=LABORATORIES,
        stranger=stranger_words,
        fewest=FEWEST,
    )


def mixups(figures: Figures, most: int = 4) -> list[tuple[int, str, str]]:
    """The most frequent errors: number, truth, answer."""
    counts = np.array(figures.confusion)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    places = zip(*np.unravel_index(order, counts.shape), strict=True)
    return [(int(counts[t, a]), CLASSIFIER_LABELS[t], CLASSIFIER_LABELS[a]) for t, a in places if counts[t, a]]


def stranger_name(key: str) -> str:
    """Name for the reader of a set of scores such as "red_cell bccd"."""
    kind, _, laboratory = key.partition(" ")
    short = {"known": "held-out cells", "white": "white cells", "mistaken": "false white cells", "noise": "noise"}
    if key.startswith("left out"):
        return f"{key.removeprefix('left out: ').replace('_', ' ')}, never learnt"
    return f"{short.get(kind, kind.replace('_', ' '))} {laboratory.replace('_fields', '')}".strip()


def stranger_words(one: OutlierFigures) -> str:
    """Name for the reader of one kind of out-of-distribution object."""
    if one.kind.startswith("left out: "):
        return f"{one.kind.removeprefix('left out: ').replace('_', ' ')}: a class it never learnt"
    return f"{KINDS[one.kind]}{', ' if one.laboratory else ''}{one.laboratory.replace('_', ' ')}"


def svg_uri(figure: Figure) -> str:
    """A diagram as a data URI; text as outlines, for identical display and print everywhere."""
    target = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "hemato-edge"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(target.getvalue().encode()).decode()


def jpeg_uri(picture: Image) -> str:
    """A picture (H, W, 3) uint8 BGR as a data URI."""
    content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()
