"""Several architectures on one split, side by side: each trained, converted and timed in the same way.

Each has a folder of its own under the comparison's; what is finished there is not done again, so a comparison that
was stopped goes on.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import ConfigurationError, DataError, ModelError
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.output_files import write_aside
from hemato_training.classify.classical import is_classical, load_classical, train_classical
from hemato_training.classify.fit import train
from hemato_training.classify.material import gather
from hemato_training.networks.backbones import architecture_named
from hemato_training.networks.keras_model import load_keras
from hemato_training.progress import Silent
from hemato_training.runs.files import CLASSICAL_FILE, METRICS_FILE, MODEL_FILE, RUN_FILE, check_new_run, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings

COMPARISON_FILE, TABLE_FILE = "compare.json", "compare.md"
BUNDLE_FILE, REPORT_FILE = "model.tflite", "model.parity.json"
ROUNDS = 40
"""How often each model is timed; the median counts."""
FROM_NOTHING_RATE = 2e-3
"""Learning rate without pretrained weights: there is nothing to unlearn, and all to learn. Nor are weights averaged
then: the statistics of a batch norm that learns belong to the weights as they are."""


@dataclass(frozen=True, slots=True)
class Row:
    """One architecture.

    Attributes:
        name: key of `ARCHITECTURES` or `CLASSICAL`.
        weights: what it started from: "none", "imagenet" or the name of a file; empty for a classical model.
        cells: validation cells that all shares are of.
        accuracy: share of them that the float model answers rightly.
        macro_f1: mean F1 over the classes that occur, of the float model.
        laboratories: laboratory → accuracy of the float model.
        parameters: numbers learnt; None for a classical model, as is all that follows but the time.
        bytes: size of the int8 bundle.
        int8_accuracy: share that the int8 model answers rightly.
        int8_laboratories: laboratory → the same.
        loss_points: accuracy lost by int8, in points.
        agreement: share of cells that both answer alike.
        latency_ms: median time a cell, one thread: of the int8 bundle, or of measuring and judging.
        fault: why it could not be converted; empty if it could.
    """

    name: str
    weights: str
    cells: int
    accuracy: float
    macro_f1: float
    laboratories: dict[str, float]
    parameters: int | None = None
    bytes: int | None = None
    int8_accuracy: float | None = None
    int8_laboratories: dict[str, float] | None = None
    loss_points: float | None = None
    agreement: float | None = None
    latency_ms: float | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows in the order asked for, and what they have in common."""

    settings: dict[str, Any]
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"settings": self.settings, "versions": versions(), "rows": [asdict(row) for row in self.rows]}


def compare(
    settings: Settings,
    architectures: Sequence[str],
    convert: Callable[[Path, Path], object],
    *,
    weights: Mapping[str, str] | None = None,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Comparison:
    """Train, convert and time several architectures; writes compare.json and compare.md into `settings.out`.

    Args:
        settings: what all have in common; architecture, weights and out are set for each.
        architectures: keys of `ARCHITECTURES` and `CLASSICAL`.
        convert: (folder of a run, bundle to write) → converts it and writes the parity report beside it. Handed in,
            because training needs no converter.
        weights: architecture → "imagenet" or a file; the others learn from nothing, with batch norm.
        cache: folder for crops; "cells" in the comparison's folder unless named.
        reporter: receives progress.

    Raises:
        ConfigurationError: before anything is trained, for an unknown architecture, one named twice, or a size that one
            cannot take.
        DataError: if the data are missing or leak, or a folder holds a run of other settings.
    """
    reporter = reporter or Silent()
    weights = weights or {}
    _check(architectures, weights, settings.size)
    cache = cache or settings.out / "cells"
    rows = []
    for name in architectures:
        own = settings_of(settings, name, weights.get(name, "none"))
        reporter.note(f"{name}: {own.out}")
        rows.append(_train_one(own, convert, cache, reporter))
    timed = _with_latency(rows, settings, cache, reporter)
    common = {k: v for k, v in settings.as_json().items() if k not in ("architecture", "weights", "out")}
    comparison = Comparison(common, tuple(timed))
    write_aside(settings.out / COMPARISON_FILE, json.dumps(comparison.as_json(), indent=1).encode())
    write_aside(settings.out / TABLE_FILE, markdown(comparison).encode())
    return comparison


def settings_of(settings: Settings, name: str, weights: str) -> Settings:
    """The settings of one architecture in a comparison: its own folder, and what its weights need."""
    out = settings.out / name.replace("+", "-")
    if weights != "none" or is_classical(name):
        return replace(settings, architecture=name, weights=weights, out=out)
    return replace(
        settings, architecture=name, weights=weights, out=out, head_epochs=0, train_batch_norm=True,
        learning_rate=FROM_NOTHING_RATE, average=0.0,
    )  # fmt: skip


def _check(architectures: Sequence[str], weights: Mapping[str, str], size: int) -> None:
    if not architectures or len(set(architectures)) != len(architectures):
        raise ConfigurationError("Each architecture is compared once.", "Name each with one --arch.")
    for name in architectures:
        if not is_classical(name) and size < architecture_named(name).min_size:
            raise ConfigurationError(
                f"{name} needs pictures of at least {architecture_named(name).min_size} pixels, not {size}.",
                "Choose a larger --size, or leave it out.",
            )
    unknown = set(weights) - set(architectures)
    if unknown:
        raise ConfigurationError(
            f"Weights are named for {', '.join(sorted(unknown))}, which is not compared.", "Add it with --arch."
        )


def _train_one(settings: Settings, convert: Callable[[Path, Path], object], cache: Path, reporter: Reporter) -> Row:
    """Train and convert what is not yet; the row without its time."""
    metrics = _finished(settings)
    if metrics is None:
        one = train_classical if is_classical(settings.architecture) else train
        one(settings, resume=(settings.out / RUN_FILE).exists(), cache=cache, reporter=reporter)
        metrics = json.loads((settings.out / METRICS_FILE).read_text())
    row = Row(
        name=settings.architecture,
        weights="" if is_classical(settings.architecture) else str(settings.as_json()["weights"]),
        cells=metrics["overall"]["cells"],
        accuracy=metrics["overall"]["accuracy"],
        macro_f1=metrics["overall"]["macro"]["f1"],
        laboratories={name: figures["accuracy"] for name, figures in metrics["laboratories"].items()},
    )
    if is_classical(settings.architecture):
        return row
    row = replace(row, parameters=int(load_keras(settings.out / MODEL_FILE).count_params()))
    try:
        return _converted(row, settings.out, convert)
    except ModelError as error:
        reporter.note(f"{settings.architecture} has no int8 form: {error}")
        return replace(row, fault=str(error))


def _finished(settings: Settings) -> dict[str, Any] | None:
    """The metrics of a run that is through; None where there is none yet.

    Raises:
        DataError: if it is one of other settings.
    """
    path = settings.out / METRICS_FILE
    if not (settings.out / RUN_FILE).is_file():
        check_new_run(settings.out)
    if not path.is_file():
        return None
    earlier = json.loads((settings.out / RUN_FILE).read_text())["settings"]
    changed = settings.differences(earlier)
    if changed:
        raise DataError(
            f"{settings.out} holds a run with another {', '.join(changed)}.",
            "Name another folder with --out, or delete that one.",
        )
    metrics: dict[str, Any] = json.loads(path.read_text())
    return metrics


def _converted(row: Row, folder: Path, convert: Callable[[Path, Path], object]) -> Row:
    bundle, report = folder / BUNDLE_FILE, folder / REPORT_FILE
    model = folder / MODEL_FILE
    if not report.is_file() or report.stat().st_mtime < model.stat().st_mtime:
        convert(folder, bundle)
    parity = json.loads(report.read_text())
    return replace(
        row,
        bytes=bundle.stat().st_size,
        int8_accuracy=parity["int8_accuracy"],
        int8_laboratories={name: entry["int8_accuracy"] for name, entry in parity["laboratories"].items()},
        loss_points=100 * (parity["float_accuracy"] - parity["int8_accuracy"]),
        agreement=parity["agreement"],
    )


def _with_latency(rows: Sequence[Row], settings: Settings, cache: Path, reporter: Reporter) -> list[Row]:
    """The rows with the median time a cell; the models take turns, so that a busy moment hits all alike."""
    images = gather(settings, cache, reporter).val_images[:ROUNDS]
    asked: dict[str, Callable[[NDArray[np.uint8]], object]] = {}
    for row in rows:
        folder = settings.out / row.name.replace("+", "-")
        if is_classical(row.name):
            asked[row.name] = load_classical(folder / CLASSICAL_FILE).logits
        elif row.bytes is not None:
            asked[row.name] = ClassifierModel(read_bundle(folder / BUNDLE_FILE), threads=1).logits
    took: dict[str, list[float]] = {name: [] for name in asked}
    for image in reporter.track(images, "timing", len(images)):
        for name, answer in asked.items():
            began = time.perf_counter()
            answer(image[None])
            took[name].append(1e3 * (time.perf_counter() - began))
    return [replace(row, latency_ms=float(np.median(took[row.name])) if row.name in took else None) for row in rows]


COLUMNS: tuple[str, ...] = (
    "architecture",
    "accuracy %",
    "macro F1 %",
    "parameters",
    "int8 MB",
    "ms a cell",
    "int8 loss, points",
    "agreement %",
)
"""Headings of the table, before those of the laboratories."""


def table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text; a laboratory's column shows its accuracy "float → int8"."""
    names = list(dict.fromkeys(name for row in comparison.rows for name in row.laboratories))
    body = []
    for row in comparison.rows:
        cells = [
            row.name if row.weights in ("", "none") else f"{row.name}, pretrained",
            _percent(row.accuracy),
            _percent(row.macro_f1),
            "–" if row.parameters is None else f"{row.parameters:,}",
            "–" if row.bytes is None else f"{row.bytes / 1e6:.2f}",
            "–" if row.latency_ms is None else f"{row.latency_ms:.1f}",
            "–" if row.loss_points is None else f"{row.loss_points:.1f}",
            _percent(row.agreement),
        ]
        for name in names:
            int8 = (row.int8_laboratories or {}).get(name)
            before = _percent(row.laboratories.get(name))
            cells.append(before if int8 is None else f"{before} → {_percent(int8)}")
        body.append(cells)
    return [*COLUMNS, *(f"{name} %" for name in names)], body


def markdown(comparison: Comparison) -> str:
    """The table in Markdown, with what it was measured on."""
    headings, body = table(comparison)
    settings = comparison.settings
    marks = ["---", *["--:"] * (len(headings) - 1)]
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, marks, *body)]
    cells = comparison.rows[0].cells if comparison.rows else 0
    note = (
        f"{cells} validation cells, {settings['size']} px, {settings['epochs']} epochs, seed {settings['seed']}; "
        "times: one thread of this machine, median, the models in turn; int8 bundles, or measuring and judging."
    )
    return "\n".join([*lines, "", note, ""])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
