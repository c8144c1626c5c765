"""The diagrams of an evaluation. Colours from Okabe and Ito (2008), distinguishable with any colour vision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.intervals import FEWEST
from hemato_training.metrics.out_of_distribution import energy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hemato_training.explain.sanity import Sanity
    from hemato_training.metrics.answers import Answers
    from hemato_training.metrics.classification import Figures
    from hemato_training.metrics.details import Calibrated, Details
    from hemato_training.metrics.intervals import Intervals

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#E69F00", "#56B4E9", "#000000", "#8C7A00")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def class_figures(figures: Figures, intervals: Intervals, title: str) -> Figure:
    """Precision, recall and F1 of each class that occurs, with 95 % intervals."""
    labels = [label for label in intervals.per_class if figures.per_class[label].support >= FEWEST]
    figure, axes = _one(title, height=1.7 + 0.5 * len(labels))
    rows, lowest = np.arange(len(labels))[::-1], 1.0
    for i, name in enumerate(("precision", "recall", "f1")):
        centres = np.array([getattr(figures.per_class[label], name) for label in labels])
        bounds = [intervals.per_class[label].f1 if name == "f1" else intervals.wider(label, name) for label in labels]
        lowest = min([lowest, *(low for low, _ in bounds)])
        errors = np.abs(np.array(bounds).reshape(-1, 2).T - centres)
        text = "F1" if name == "f1" else name
        axes.errorbar(
            centres,
            rows + 0.22 - 0.22 * i,
            xerr=errors,
            fmt=MARKERS[i],
            color=COLOURS[i],
            capsize=2.5,
            ms=5,
            label=text,
        )
    axes.set_yticks(rows, [f"{_plain(label)} ({figures.per_class[label].support})" for label in labels])
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.set_xlim(max(0.0, lowest - 0.03), 1.01)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def roc_curves(answers: Answers, intervals: Intervals, temperature: float, title: str) -> Figure:
    """ROC curves, one class against the rest; false positive rate on a logarithmic axis, to resolve the corner."""
    figure, axes = _one(title, height=4.4)
    probabilities = answers.probabilities(temperature)
    for i, (label, area) in enumerate(intervals.auc.items()):
        c = CLASSIFIER_LABELS.index(label)
        false, true = roc_points(probabilities[:, c], answers.labels == c)
        text = f"{_plain(label)} {area.auc:.3f} ({area.interval[0]:.3f}–{area.interval[1]:.3f})"
        axes.step(np.maximum(false, 1e-4), true, where="post", color=COLOURS[i], ls=STYLES[i // 4], label=text, lw=1.6)
    axes.set(xscale="log", xlabel="other cells taken for the class (false positive rate)", ylabel="found (recall)")
    axes.set_xlim(5e-4, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks([0.001, 0.01, 0.1, 1], ["0.1%", "1%", "10%", "100%"])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(title="area under the curve (95 %)", fontsize=8, title_fontsize=8, loc="lower right")
    return figure


def roc_points(
    scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rate at every threshold of scores (n,), from 0, 0 on."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) < 0, True)
    true, false = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    return (
        np.append(0.0, false / max(false[-1], 1)),
        np.append(0.0, true / max(true[-1], 1)),
    )


def reliability_diagram(details: Mapping[str, Details], cells: Mapping[str, int]) -> Figure:
    """Accuracy at each confidence: raw, and at the model's own temperature; one panel per laboratory."""
    figure = Figure(figsize=(max(3.6 * len(details), 4.2), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(details), squeeze=False)[0]
    for axes, (name, own) in zip(panels, details.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
        raw, tuned = own.before, own.after
        _dots(axes, raw, BLUE, "s", f"raw: ECE {100 * raw.ece:.1f} %")
        if tuned.temperature != raw.temperature:
            _dots(axes, tuned, ORANGE, "o", f"at T = {tuned.temperature:.2f}: ECE {100 * tuned.ece:.1f} %")
        axes.set(xlabel="confidence", ylabel="right", xlim=(0, 1.02), ylim=(0, 1.04), aspect="equal")
        axes.set_title(f"{name}, n = {cells[name]}", fontsize=11)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(visible=True, alpha=0.25)
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.22))
    return figure


def _dots(axes: Any, own: Calibrated, colour: str, marker: str, text: str) -> None:
    bins = [b for b in own.bins if b.cells >= FEWEST]
    x, y, n = (np.array([getattr(b, key) for b in bins], float) for key in ("confidence", "accuracy", "cells"))
    exact = np.array([clopper_pearson(round(b.accuracy * b.cells), b.cells) for b in bins]).reshape(-1, 2).T
    axes.errorbar(x, y, yerr=np.abs(exact - y), fmt="none", ecolor=colour, alpha=0.6, lw=1.2)
    whole = sum(b.cells for b in own.bins)
    axes.scatter(x, y, s=20 + 120 * n / whole, color=colour, marker=marker, alpha=0.8, label=text, lw=0)


def risk_coverage_curves(
    details: Mapping[str, Details], threshold: float, now: Mapping[str, tuple[float, float]]
) -> Figure:
    """Error among answered cells at each coverage, with the operating point of the model's own threshold.

    Args:
        details: laboratory → its details.
        threshold: the model's own, 0 for none.
        now: laboratory → share answered and error at it.
    """
    figure, axes = _one("Error among answered cells, surest cells first", height=4.0)
    for i, (name, own) in enumerate(details.items()):
        curve = own.selective
        text = f"{name}, n = {len(curve.risk)}: AURC {curve.aurc:.4f}"
        axes.plot(curve.coverage, curve.risk, color=COLOURS[i], ls=STYLES[i % 4], label=text)
        if threshold > 0:
            axes.plot(*now[name], marker=MARKERS[i], color=COLOURS[i], ms=8, mec="black", ls="none")
    most = next(iter(details.values())).selective.max_error
    axes.axhline(most, color="0.4", lw=1, ls=":")
    axes.text(0.01, most, f" {100 * most:.0f} %", va="bottom", color="0.3", fontsize=9)
    highest = max(float(own.selective.risk[len(own.selective.risk) // 20 :].max()) for own in details.values())
    axes.set(
        xlabel="share of cells answered", ylabel="wrong among these", xlim=(0, 1.01), ylim=(0, 1.15 * highest + 0.01)
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    if threshold > 0:
        axes.plot(
            [], [], marker="o", color="white", mec="black", ls="none", label=f"the model's threshold, {threshold:.3f}"
        )
    axes.legend(fontsize=9, loc="upper left")
    return figure


def stranger_scores(scores: Mapping[str, NDArray[np.float32]], names: Mapping[str, str], title: str) -> Figure:
    """Box plots of the energy of known cells and of each kind of other object; further right is more unusual.

    Args:
        scores: set → logits (n, labels).
        names: set → its name for the reader.
        title: above the diagram.
    """
    figure, axes = _one(title, height=1.3 + 0.42 * len(scores))
    rows = np.arange(len(scores))[::-1]
    for row, (name, logits) in zip(rows, scores.items(), strict=True):
        friend = name == "known" or name.startswith("white")
        colour = BLUE if friend else ORANGE
        axes.boxplot(
            energy(logits), positions=[row], orientation="horizontal", widths=0.55, whis=(5, 95), showfliers=False,
            patch_artist=True, boxprops={"facecolor": colour, "alpha": 0.35}, medianprops={"color": "black"},
        )  # fmt: skip
    axes.axvline(float(np.quantile(energy(scores["known"]), 0.95)), color=BLUE, ls=":", lw=1.2)
    axes.set_yticks(rows, [f"{names[name]} ({len(logits)})" for name, logits in scores.items()])
    axes.set_xlabel(
        "energy (further right: stranger)\nbox: middle half, line: 5 to 95 %; dotted: 95 % of known cells lie left"
    )
    axes.set_ylim(-0.7, len(scores) - 0.3)
    return figure


def sanity_curve(sanity: Sanity) -> Figure:
    """Rank correlation of the maps with the original ones as more layers are randomised."""
    title = f"Maps under random weights ({sanity.images} images, {sanity.repeats} draws)"
    figure, axes = _one(title, height=3.2)
    layers = [0, *(stage.layers for stage in sanity.stages)]
    means = np.array([1.0, *(stage.correlation for stage in sanity.stages)])
    spread = np.array([0.0, *(stage.spread for stage in sanity.stages)])
    places = np.arange(len(layers))
    axes.errorbar(places, means, yerr=spread, color=BLUE, marker="o", capsize=3)
    axes.axhline(0, color="0.5", lw=1, ls=":")
    axes.set_xticks(places, ["none", *(str(n) for n in layers[1:])])
    axes.set(xlabel="layers randomised, from the answer downwards", ylabel="rank correlation", ylim=(-1, 1.1))
    return figure


def overview(rows: Sequence[tuple[str, Figures, Details]]) -> Figure:
    """Accuracy, balanced accuracy and macro F1 of every set, with 95 % intervals."""
    figure, axes = _one("How often the answer is right (95 % intervals)", height=1.6 + 0.55 * len(rows))
    places = np.arange(len(rows))[::-1]
    for i, name in enumerate(("accuracy", "balanced accuracy", "macro F1")):
        points = [(f.accuracy, f.balanced_accuracy, f.macro.f1)[i] for _, f, _ in rows]
        own = [d.intervals for _, _, d in rows]
        bounds = np.array([(d.accuracy, d.balanced_accuracy, d.macro.f1)[i] for d in own])
        errors = np.maximum(np.abs(bounds.T - np.array(points)), 0)
        axes.errorbar(
            points, places + 0.2 - 0.2 * i, xerr=errors, fmt=MARKERS[i], color=COLOURS[i], capsize=3, ms=6, label=name
        )
    axes.set_yticks(places, [f"{name} ({f.cells})" for name, f, _ in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _one(title: str, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.2, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_title(title, fontsize=11)
    axes.grid(visible=True, alpha=0.25)
    axes.set_axisbelow(True)
    return figure, axes


def _plain(label: str) -> str:
    return label.replace("_", " ")
