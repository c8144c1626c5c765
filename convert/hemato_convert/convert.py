"""A training run becomes one verified file: quantise, compare with the float model, calibrate, write the card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from hemato_convert.card import CardParts, make_card
from hemato_convert.golden import COUNT, TOLERANCE_STEPS, golden_images
from hemato_convert.graph import export_graph
from hemato_convert.parity import ParityReport, compare
from hemato_convert.quantise import quantise
from hemato_convert.trial import run_flatbuffer
from hemato_edge.errors import DataError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, write_bundle
from hemato_edge.models.runtime import Model
from hemato_training.architectures import architecture_named
from hemato_training.calibration import fit_temperature, rejection_threshold, softmax
from hemato_training.cells import Look, cells_of, prepare_cells
from hemato_training.datasets import by_laboratory, in_split, load, split_hash, thin
from hemato_training.evaluation import figures_by_laboratory, keras_logits, load_keras
from hemato_training.fit import MODEL_FILE, RUN_FILE
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_training.datasets import Record
    from hemato_training.figures import Figures
    from hemato_training.progress import Reporter

REPRESENTATIVE = 400
"""Training crops that the activations' ranges are measured on."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion gave.

    Attributes:
        path: the bundle.
        bytes: its size.
        parity: float against int8 on the validation cells.
        float_figures: laboratory → figures of the float model.
        int8_figures: laboratory → figures of the int8 model.
        temperature: fitted on the int8 logits.
        threshold: rejection threshold at that temperature.
    """

    path: Path
    bytes: int
    parity: ParityReport
    float_figures: dict[str, Figures]
    int8_figures: dict[str, Figures]
    temperature: float
    threshold: float


def convert(
    run: Path,
    out: Path,
    data: Path,
    *,
    cache: Path | None = None,
    min_agreement: float = 0.98,
    representative: int = REPRESENTATIVE,
    name: str = "hemato-edge classifier",
    reporter: Reporter | None = None,
) -> Conversion:
    """Convert the model of a run to a full-int8 bundle with its card.

    Args:
        run: folder of the run, or its model.keras.
        out: the bundle to write, ending in .tflite.
        data: the directory the run was trained on.
        cache: folder for crops; "cells" in the run's folder unless named.
        min_agreement: least share of validation cells on which float and int8 must agree.
        representative: how many training crops measure the ranges, 100 to 500 are sensible.
        name: of the model, for its card.
        reporter: who is told about progress.

    Raises:
        ModelError: if the model is unreadable, not of this project's form, not integer throughout after conversion, or
            agrees too little with the float model; nothing is written then.
        DataError: if the data are missing or not those of the run.
    """
    reporter = reporter or Silent()
    if out.suffix != ".tflite":
        raise ModelError(f"A bundle's name ends in .tflite, not {out.name!r}.", "Change --out.")
    folder = run.parent if run.suffix == ".keras" else run
    path = run if run.suffix == ".keras" else run / MODEL_FILE
    model = load_keras(path)
    facts = _read_run(folder)
    size = int(model.input_shape[1])
    looks = {key: Look.from_json(value) for key, value in facts["looks"].items()}
    records = _records_of(facts, data)
    cache = cache or folder / "cells"
    val = cells_of(in_split(records, "val"), looks, size, cache, reporter=reporter)
    sample = cells_of(representative_records(records, representative), looks, size, cache, reporter=reporter)
    reporter.note(f"quantising on {len(sample)} training crops")
    static = architecture_named(str(facts["settings"]["architecture"])).static_batch
    flatbuffer = quantise(export_graph(model, static_batch=static), prepare_cells(sample, looks))
    images = prepare_cells(val, looks)
    float_logits = keras_logits(model, images)
    int8_logits, step = run_flatbuffer(flatbuffer, images)
    parity = compare(float_logits, int8_logits, val.labels, val.keys.tolist(), CLASSIFIER_LABELS)
    if parity.agreement < min_agreement:
        raise ModelError(
            f"Float and int8 agree on {100 * parity.agreement:.1f} % of {parity.cells} cells, "
            f"asked are {100 * min_agreement:.1f} %.",
            "Try more --representative crops, or lower --min-agreement.",
        )
    temperature, threshold = calibrate(int8_logits, val.labels)
    golden = golden_images(size)
    golden_logits, _ = run_flatbuffer(flatbuffer, golden)
    float_figures, _ = figures_by_laboratory(float_logits, val)
    int8_figures, overall = figures_by_laboratory(int8_logits, val, temperature, threshold)
    card = make_card(
        CardParts(
            name=name,
            run=facts,
            size=size,
            float_figures=float_figures,
            int8_figures=int8_figures,
            confusion=overall.confusion,
            parity=parity,
            temperature=temperature,
            threshold=threshold,
            golden_count=COUNT,
            golden_tolerance=TOLERANCE_STEPS * step,
            versions={**facts["versions"], "ai-edge-litert": version("ai-edge-litert")},
            created=datetime.now(timezone.utc).replace(microsecond=0),
        )
    )
    write_bundle(out, flatbuffer, card, golden, {"logits": golden_logits})
    Model(read_bundle(out)).verify()
    return Conversion(out, out.stat().st_size, parity, float_figures, int8_figures, temperature, threshold)


def calibrate(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Temperature and rejection threshold for int8 logits (n, labels) of validation cells."""
    temperature = fit_temperature(logits, labels)
    return temperature, rejection_threshold(softmax(logits, temperature), labels)


def representative_records(records: list[Record], wanted: int) -> list[Record]:
    """About `wanted` training records, equally many of each laboratory and class as far as there are."""
    train = in_split(records, "train")
    strata = len({(r.laboratory, r.label) for r in train})
    return thin(train, max(1, wanted // max(strata, 1)))


def _read_run(folder: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"There is no readable {RUN_FILE} in {folder}, so the card could not say what the model is.",
            "Name the folder of a run of `hemato-edge train`.",
        ) from error
    missing = {"settings", "labels", "data", "looks", "versions"} - facts.keys()
    if missing or tuple(facts["labels"]) != CLASSIFIER_LABELS:
        raise ModelError(f"{folder / RUN_FILE} is not of this version.", "Train again with `hemato-edge train`.")
    return facts


def _records_of(facts: dict[str, Any], data: Path) -> list[Record]:
    """The very records the run was trained on and judged by."""
    records = load(data, tuple(facts["data"]))
    if facts["settings"]["per_class"]:
        records = thin(records, int(facts["settings"]["per_class"]))
    for name, own in by_laboratory(records).items():
        if split_hash(own) != facts["data"][name]["split_sha256"]:
            raise DataError(
                f"{data / name} is not the data that the run was trained on.", "Name that directory with --data."
            )
    return records
