"""The parity report beside a bundle: figures as JSON, and the worst cells as one picture."""

from __future__ import annotations

from dataclasses import asdict
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hemato_edge.escaped import json_text
from hemato_edge.output_files import write_aside

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_convert.parity import ParityReport

REPORT_FORMAT = 1
"""Version of the JSON layout."""
_COLUMNS = 4


def report_paths(bundle: Path) -> tuple[Path, Path]:
    """Paths of a bundle's report: JSON and picture."""
    return bundle.with_suffix(".parity.json"), bundle.with_suffix(".parity.png")


def laboratory_parity(
    float_logits: NDArray[np.float32],
    int8_logits: NDArray[np.float32],
    truth: NDArray[np.int64],
    laboratories: NDArray[np.str_],
) -> dict[str, dict[str, float]]:
    """Laboratory → cells, agreement, both accuracies (0 to 1) and the loss in percentage points.

    The loss is float minus int8 accuracy; if negative, the int8 model is better.
    """
    first, second = float_logits.argmax(axis=1), int8_logits.argmax(axis=1)
    found: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(laboratories.tolist()):
        own = laboratories == name
        accuracies = float(np.mean(first[own] == truth[own])), float(np.mean(second[own] == truth[own]))
        found[name] = {
            "cells": int(np.count_nonzero(own)),
            "agreement": float(np.mean(first[own] == second[own])),
            "float_accuracy": accuracies[0],
            "int8_accuracy": accuracies[1],
            "loss_points": 100 * (accuracies[0] - accuracies[1]),
        }
    return found


def write_report(
    bundle: Path, parity: ParityReport, facts: dict[str, Any], images: NDArray[np.uint8]
) -> tuple[Path, Path]:
    """Write the report of a bundle; returns the paths of its JSON and its picture.

    Args:
        bundle: the .tflite file.
        parity: over all cells.
        facts: further content of the JSON, such as `laboratory_parity` and the operations.
        images: (n, S, S, 3) uint8 RGB, the prepared crops of all cells.
    """
    described, drawn = report_paths(bundle)
    whole = {"format": REPORT_FORMAT, "bundle": bundle.name, **asdict(parity), **facts}
    write_aside(described, json_text(whole, indent=1).encode())
    draw_worst(parity, images, drawn)
    return described, drawn


def draw_worst(parity: ParityReport, images: NDArray[np.uint8], path: Path) -> None:
    """The worst of the cells (n, S, S, 3) as a PNG, with truth and both answers; red where the answers differ."""
    rows = max(1, -(-len(parity.worst) // _COLUMNS))
    figure = Figure(figsize=(2.6 * _COLUMNS, 0.5 + 3.2 * rows), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"Where float and int8 differ most: {100 * parity.agreement:.1f} % of {parity.cells} cells agree", fontsize=11
    )
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for place in grid.flat:
        place.axis("off")
    for place, case in zip(grid.flat, parity.worst, strict=False):
        place.imshow(images[case.index], interpolation="nearest")
        same = case.float_answer == case.int8_answer
        place.set_title(
            f"{case.key[-26:]}\ntruth {case.truth}\nfloat {case.float_answer}\nint8 {case.int8_answer}\n"
            f"logits differ by {case.difference:.2f}",
            fontsize=7.5,
            color="black" if same else "firebrick",
            loc="left",
        )
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    write_aside(path, drawn.getvalue())
