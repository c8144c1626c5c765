"""A training run becomes one verified file: quantise, compare with the float model, calibrate, write the card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from hemato_convert.abroad import Abroad, LeftOut, figures_abroad, only_judged, read_left_out
from hemato_convert.attributes import AttributeHead, attribute_specs, described, fit_head
from hemato_convert.card import CardParts, make_card
from hemato_convert.embedding import doubted, fit_projection
from hemato_convert.golden import COUNT, TOLERANCE_STEPS, golden_pairs
from hemato_convert.graph import export_graph
from hemato_convert.operations import operation_versions
from hemato_convert.parity import ParityReport, compare
from hemato_convert.quantise import quantise
from hemato_convert.report import laboratory_parity, write_report
from hemato_convert.source import REPRESENTATIVE, read_run, records_of, representative_records
from hemato_convert.trial import try_flatbuffer
from hemato_edge.errors import ConfigurationError, DataError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, write_bundle
from hemato_edge.models.card import EmbeddingSpec
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.prototypes import pack_prototypes, unpack_prototypes
from hemato_training.classify.classical import refuse_classical
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import Look, cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split
from hemato_training.metrics.calibration import fit_temperature, rejection_threshold, softmax
from hemato_training.metrics.classification import figures_by_laboratory
from hemato_training.networks.backbones import architecture_named
from hemato_training.networks.keras_model import keras_logits, load_keras, pooled_features
from hemato_training.progress import Silent
from hemato_training.runs.files import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_convert.abroad import Abroad
    from hemato_convert.trial import Trial
    from hemato_edge.models.card import AttributeSpec, ClassifierCard
    from hemato_training.data.crops import Cells
    from hemato_training.data.records import Record
    from hemato_training.metrics.classification import Figures
    from hemato_training.networks.backbones import Architecture
    from hemato_training.progress import Reporter

HOME_SHARE = 0.95
"""Share of held-out home cells that lie nearer to home than the card's distance."""


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
        abroad: what came of left-out laboratories at that threshold, None where nobody looked.
        operations: operation → version, as the file names them.
        report: the parity report beside the bundle.
        picture: the worst cells, beside it.
    """

    path: Path
    bytes: int
    parity: ParityReport
    float_figures: dict[str, Figures]
    int8_figures: dict[str, Figures]
    temperature: float
    threshold: float
    abroad: Abroad | None
    operations: dict[str, int]
    report: Path
    picture: Path


@dataclass(frozen=True, slots=True)
class _Source:
    """The run, its model and its cells."""

    folder: Path
    model: Any
    facts: dict[str, Any]
    looks: dict[str, Look]
    records: list[Record]
    cache: Path
    reporter: Reporter

    @property
    def size(self) -> int:
        return int(self.model.input_shape[1])

    @property
    def architecture(self) -> Architecture:
        return architecture_named(str(self.facts["settings"]["architecture"]))

    def cut(self, records: list[Record]) -> Cells:
        return cells_of(records, self.looks, self.size, self.cache, reporter=self.reporter)


def convert(
    run: Path,
    out: Path,
    data: Path,
    *,
    cache: Path | None = None,
    min_agreement: float = 0.98,
    representative: int = REPRESENTATIVE,
    tail: float | None = None,
    name: str = "hemato-edge classifier",
    embedding: bool = False,
    attributes: bool = False,
    doubt: float = 0.0,
    left_out: Path | None = None,
    reporter: Reporter | None = None,
) -> Conversion:
    """Convert the model of a run to a full-int8 bundle with its card, and write the parity report beside it.

    Args:
        run: folder of the run, or its model.keras.
        out: the bundle to write, ending in .tflite.
        data: the directory the run was trained on.
        cache: folder for crops; "cells" in the run's folder unless named.
        min_agreement: least share of validation cells on which float and int8 must agree.
        representative: how many training crops measure the ranges, 100 to 500.
        tail: percent of an activation's values that may lie beyond its limits; the architecture's own unless named.
        name: of the model, for its card.
        embedding: give the model that output and the bundle its home cells, see `models.prototypes`.
        attributes: give the model that output, from the table that lies beside the cells; see `models.attributes`.
        doubt: of cells that lie far from home, see `models.prototypes`; needs `embedding`.
        left_out: how the recipe did in laboratories that it was trained without, as `benchmarks/travel.py --out`
            writes it: they choose the rejection threshold together with the laboratories that are only judged on.
            Without it home cells choose.
        reporter: who is told about progress.

    Raises:
        ModelError: if the model is unreadable, not of this project's form, not integer throughout after conversion,
            not loadable by the oldest runtime, agrees too little with the float model, or its card would be
            incomplete; nothing is written then.
        ConfigurationError: if `representative` or `tail` is out of range, or `doubt` is asked without `embedding`.
        DataError: if the data are missing or not those of the run.
    """
    source = _open(run, out, data, cache, reporter or Silent())
    _refuse_doubt(doubt, embedding=embedding)
    val = source.cut(in_split(source.records, "val"))
    sample = source.cut(representative_records(source.records, representative))
    tail = source.architecture.tail if tail is None else tail
    source.reporter.note(f"quantising on {len(sample)} training crops")
    head = attribute_head(source, data) if attributes else None
    flatbuffer, prototypes = quantise_run(source, sample, tail, embedding=embedding, head=head)
    images = prepare_cells(val, source.looks)
    float_logits = keras_logits(source.model, images)
    tried = try_flatbuffer(flatbuffer, images)
    parity = compare(float_logits, tried.logits, val.labels, val.keys.tolist(), CLASSIFIER_LABELS)
    _require_agreement(parity, min_agreement)
    logits = doubted(tried, prototypes, doubt)
    temperature, threshold = calibrate(logits, val.labels)
    abroad = None
    if left_out is not None:
        ask = partial(_ask, flatbuffer, prototypes, doubt)
        abroad = figures_abroad([*read_left_out(left_out), *_judged_only(source, data, ask, temperature)], threshold)
        threshold = abroad.threshold
    float_figures, _ = figures_by_laboratory(float_logits, val)
    int8_figures, overall = figures_by_laboratory(logits, val, temperature, threshold)
    card = complete_card(
        CardParts(
            name=name,
            run=source.facts,
            size=source.size,
            float_figures=float_figures,
            int8_figures=int8_figures,
            confusion=overall.confusion,
            parity=parity,
            temperature=temperature,
            threshold=threshold,
            abroad=abroad,
            embedding=None if prototypes is None else embedding_spec(prototypes, tried.real_embeddings(), doubt),
            attributes=() if head is None else _attribute_specs(source, data, head, val, tried),
            golden_count=COUNT,
            golden_tolerance=TOLERANCE_STEPS * tried.step,
            versions={**source.facts["versions"], "ai-edge-litert": version("ai-edge-litert")},
            created=datetime.now(timezone.utc).replace(microsecond=0),
        )
    )
    write_bundle(out, flatbuffer, card, *golden_pairs(flatbuffer, source.size), prototypes=prototypes)
    ClassifierModel(read_bundle(out)).verify()
    operations = operation_versions(flatbuffer)
    by_laboratory = laboratory_parity(float_logits, tried.logits, val.labels, val.laboratories)
    made = {"representative": len(sample), "tail_percent": tail, "operations": operations}
    return Conversion(
        out,
        out.stat().st_size,
        parity,
        float_figures,
        int8_figures,
        temperature,
        threshold,
        abroad,
        operations,
        *write_report(out, parity, {"laboratories": by_laboratory, **made}, images),
    )


def quantise_run(
    source: _Source, sample: Cells, tail: float, *, embedding: bool, head: AttributeHead | None = None
) -> tuple[bytes, bytes | None]:
    """The flatbuffer, and the embeddings of the cells that measured its ranges, if it is to have that output."""
    images, static = prepare_cells(sample, source.looks), source.architecture.static_batch
    projection = fit_projection(pooled_features(source.model, images), sample.labels) if embedding else None
    layer = None if head is None else head.layer
    network = export_graph(source.model, static_batch=static, projection=projection, attributes=layer)
    flatbuffer = quantise(network, images, tail)
    if projection is None:
        return flatbuffer, None
    tried = try_flatbuffer(flatbuffer, images)
    stored, scale, zero_point = tried.stored_embeddings(), tried.embedding_scale, tried.embedding_zero_point
    return flatbuffer, pack_prototypes(stored, scale, zero_point, sample.labels, sample.laboratories)


def attribute_head(source: _Source, data: Path) -> AttributeHead:
    """A head for the attributes, from the training cells that a table describes.

    Raises:
        DataError: if no table describes any.
    """
    values, answers = described(source.records, data)
    records = [r for r in in_split(source.records, "train") if f"{r.laboratory}/{r.key}" in answers]
    if not records:
        raise DataError("No table describes the attributes of a training cell.", "Convert without --attributes.")
    source.reporter.note(f"fitting {len(values)} attributes on {len(records)} cells")
    features = pooled_features(source.model, prepare_cells(source.cut(records), source.looks))
    return fit_head(features, np.array([answers[f"{r.laboratory}/{r.key}"] for r in records]), values)


def _attribute_specs(
    source: _Source, data: Path, head: AttributeHead, val: Cells, tried: Trial
) -> tuple[AttributeSpec, ...]:
    """What the card says of the attributes: int8, on the held-out cells that the table describes."""
    _, answers = described(source.records, data)
    names = [f"{laboratory}/{key}" for laboratory, key in zip(val.laboratories, val.keys, strict=True)]
    known = np.array([name in answers for name in names])
    if tried.attributes is None or not known.any():
        raise DataError("No table describes the attributes of a held-out cell.", "Convert without --attributes.")
    truth = np.array([answers[name] for name in names if name in answers])
    return attribute_specs(tried.attributes[known], truth, head.values)


def embedding_spec(prototypes: bytes, held_out: NDArray[np.float32], doubt: float) -> EmbeddingSpec:
    """What the card says of the embedding; `held_out` (n, d) are those of home cells that were not learnt."""
    size = int(held_out.shape[1])
    home = unpack_prototypes(prototypes, len(CLASSIFIER_LABELS), size)
    usual = float(np.quantile(home.distances(held_out), HOME_SHARE))
    return EmbeddingSpec(size=size, prototypes=len(home.labels), home_distance=usual, doubt=doubt)


def _judged_only(
    source: _Source, data: Path, ask: Callable[[NDArray[np.uint8]], NDArray[np.float32]], temperature: float
) -> list[LeftOut]:
    """The model's own answers to the laboratories that it may never learn from."""
    names = only_judged(data)
    if not names:
        return []
    records = load(data, names)
    looks = looks_of(records, source.cache, source.reporter)
    cells = cells_of(records, looks, source.size, source.cache, reporter=source.reporter)
    logits = ask(prepare_cells(cells, looks))
    return [
        LeftOut(name, cells.labels[own], logits[own], temperature)
        for name in names
        for own in [cells.laboratories == name]
    ]


def _ask(flatbuffer: bytes, prototypes: bytes | None, doubt: float, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The logits (n, labels) that a device would take from this file."""
    return doubted(try_flatbuffer(flatbuffer, images), prototypes, doubt)


def calibrate(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Temperature and rejection threshold for int8 logits (n, labels) of validation cells."""
    temperature = fit_temperature(logits, labels)
    return temperature, rejection_threshold(softmax(logits, temperature), labels)


def complete_card(parts: CardParts) -> ClassifierCard:
    """The card of a converted classifier.

    Raises:
        ModelError: naming the first thing that is missing or out of range: a model without a complete card is not run.
    """
    fix = "Train again with this version's `hemato-edge train classify`; it writes all that a card needs."
    try:
        return make_card(parts)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"]) or "card"
        raise ModelError(f"The card would be incomplete ({where}: {first['msg']}).", fix) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The card would be incomplete: the run lacks {error}.", fix) from error


def _open(run: Path, out: Path, data: Path, cache: Path | None, reporter: Reporter) -> _Source:
    if out.suffix != ".tflite":
        raise ModelError(f"A bundle's name ends in .tflite, not {out.name!r}.", "Change --out.")
    refuse_classical(run)
    folder = run.parent if run.suffix == ".keras" else run
    model = load_keras(run if run.suffix == ".keras" else run / MODEL_FILE)
    facts = read_run(folder)
    looks = {key: Look.from_json(value) for key, value in facts["looks"].items()}
    return _Source(folder, model, facts, looks, records_of(facts, data), cache or folder / "cells", reporter)


def _refuse_doubt(doubt: float, *, embedding: bool) -> None:
    if doubt and not embedding:
        raise ConfigurationError("Cells far from home are found by the embedding.", "Add --embedding.")


def _require_agreement(parity: ParityReport, asked: float) -> None:
    if parity.agreement < asked:
        raise ModelError(
            f"Float and int8 agree on {100 * parity.agreement:.1f} % of {parity.cells} cells, "
            f"asked are {100 * asked:.1f} %.",
            "Try more --representative crops or another --tail such as 0.01, or lower --min-agreement.",
        )
