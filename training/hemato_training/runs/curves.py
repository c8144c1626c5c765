"""Learning curves and confusion matrices as PNG files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def draw_curves(history: Sequence[Mapping[str, object]], path: Path) -> None:
    """Loss and accuracy over epochs.

    Args:
        history: one entry per epoch, as in `metrics.json`.
        path: PNG to write.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = [int(str(entry["epoch"])) for entry in history]
    losses = [float(str(entry["loss"])) for entry in history]
    plain = [float(str(entry.get("cross_entropy", entry["loss"]))) for entry in history]
    left.plot(epochs, plain, label="training, augmented", color="0.5")
    if not np.allclose(losses, plain, rtol=1e-3):
        left.plot(epochs, losses, label="loss that is learnt", color="0.5", linestyle=":")
    names = list(_laboratories(history[0])) if history else []
    for name in names:
        left.plot(epochs, [_laboratories(entry)[name]["nll"] for entry in history], label=f"{name} val")
        right.plot(epochs, [100 * _laboratories(entry)[name]["accuracy"] for entry in history], label=f"{name} val")
    left.set(xlabel="epoch", ylabel="cross entropy", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="accuracy, %")
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)


def _laboratories(entry: Mapping[str, object]) -> dict[str, dict[str, float]]:
    return entry["laboratories"]  # type: ignore[return-value]


def draw_confusion(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """A confusion matrix as a PNG file; see `confusion_matrix`.

    Args:
        confusion: row: truth, column: answer.
        labels: names of rows and columns.
        title: above the matrix.
        path: PNG to write.
    """
    confusion_matrix(confusion, labels, title).savefig(path, dpi=120)


def confusion_matrix(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str) -> Figure:
    """Counts with shading by the share of the true class; classes that never occur are omitted as rows."""
    counts = np.asarray(confusion)
    present = np.flatnonzero(counts.sum(axis=1))
    counts = counts[present]
    share = counts / counts.sum(axis=1, keepdims=True)
    figure = Figure(figsize=(7, 2.2 + 0.48 * len(present)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    names = [label.replace("_", " ") for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(
        range(len(present)), [f"{names[i]} ({n})" for i, n in zip(present, counts.sum(axis=1), strict=True)]
    )
    axes.set(xlabel="answer", ylabel="truth", title=title)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour)
    return figure
