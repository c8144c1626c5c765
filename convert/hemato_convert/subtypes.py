"""Adds the level below the classes to a bundle: one more output, and nothing else of the bundle changes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_convert.flatbuffer.embedding import Projection
from hemato_convert.flatbuffer.golden import golden_pairs
from hemato_convert.flatbuffer.graft import with_names_of
from hemato_convert.flatbuffer.graph import export_graph
from hemato_convert.flatbuffer.quantise import quantise
from hemato_convert.flatbuffer.trial import every_output
from hemato_convert.on_device import changeable_card
from hemato_convert.settings import REPRESENTATIVE
from hemato_edge.errors import ConfigurationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import PROTOTYPES, check_bundle_path, read_bundle, write_bundle
from hemato_edge.models.card import SubtypeSpec
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.morphology import SUBTYPES as LEVELS
from hemato_training.attributes.learning import fit_branch, maps_of
from hemato_training.attributes.origin import bundle_branch
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.data.cell_sets import load, titled
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split
from hemato_training.data.subtypes import subtypes_of
from hemato_training.metrics.attributes import logits_of_each
from hemato_training.metrics.calibration import HIGHEST_THRESHOLD, fit_temperature, softmax
from hemato_training.networks.attribute_branch import SUBTYPES, TAPS, front_of
from hemato_training.networks.backbones import architecture_named, build_classifier

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.card import ClassifierCard
    from hemato_training.attributes.learning import Maps, Plan
    from hemato_training.data.crops import Cells, Look
    from hemato_training.data.records import Record
    from hemato_training.progress import Reporter

RIGHT = 0.95
"""Share of right answers among those told, on cells of the training split that were held out in turn; it chooses the
least confidence that is reported. So high since band cells are few in blood: with 0.90 one in ten of the many segmented
ones would be called band, with 0.95 three in a hundred (`docs/results/training.md`)."""
FOLDS = 4
_VALUES = {name: values for name, (_, values) in LEVELS.items()}
_SIZES = [len(values) for values in _VALUES.values()]


@dataclass(frozen=True)
class _Known:
    """Cells whose level is known: records, and the index of the value of each level (n, levels), -1 where unknown."""

    records: list[Record]
    answers: NDArray[np.int64]


def add_subtypes(
    base: Path, data: Path, out: Path, plan: Plan, *, cache: Path | None = None, reporter: Reporter
) -> ClassifierCard:
    """Train a branch that tells the cells of a class apart, and write `base` with it as one more output.

    Temperature and least confidence are fitted on cells of the training split, each held out once; what the card says
    is of the int8 network on the cells of the validation split.

    Args:
        base: a bundle.
        data: the directory of the data sets that it was trained on; one of them has the level in its index.
        out: the bundle to write.
        plan: how the branch is trained.
        cache: folder for crops; beside `out` unless named.
        reporter: receives progress.

    Returns:
        The new card.

    Raises:
        ConfigurationError: no branch fits the bundle's architecture.
        DataError: the data are missing, or no index of theirs has the level for training and validation cells.
        ModelError: the bundle cannot be read, is no classifier, or has parts compiled for other runtimes.
    """
    check_bundle_path(out)
    bundle, keep = read_bundle(base), cache or out.parent / "cells"
    card = _classifier_card(bundle)
    train, val, looks = _described(card, data, keep, reporter)
    model = build_classifier(
        card.architecture, card.input.size, len(CLASSIFIER_LABELS), alpha=card.alpha or 1.0, weights=str(base)
    )
    front = front_of(model, TAPS[card.architecture])
    cells = cells_of(train.records, looks, card.input.size, keep, MARGIN, reporter)
    views = [maps_of(front, cells, looks, view, reporter) for view in range(plan.views)]
    held_out = _held_out_logits(views, train.answers, cells, plan, reporter)
    branch = fit_branch(views, train.answers, _SIZES, plan, reporter, SUBTYPES)
    plain = cells_of(train.records, looks, card.input.size, keep, reporter=reporter)
    flatbuffer = _with_branch(bundle, model, branch, prepare_cells(_spread(plain), looks))
    shown = prepare_cells(cells_of(val.records, looks, card.input.size, keep, reporter=reporter), looks)
    specs = subtype_specs((held_out, train.answers), (every_output(flatbuffer, shown)[SUBTYPES], val.answers))
    made = card.model_copy(update={"subtypes": specs})
    pairs = golden_pairs(flatbuffer, card.input.size, card.golden.count)
    home = None if bundle.prototypes is None else bundle.part(PROTOTYPES)
    write_bundle(out, flatbuffer, made, *pairs, prototypes=home)
    ClassifierModel(read_bundle(out)).verify()
    return made


def _classifier_card(bundle: Bundle) -> ClassifierCard:
    card = changeable_card(bundle)
    if card.architecture not in TAPS:
        known = ", ".join(TAPS)
        raise ConfigurationError(f"There is no branch for {card.architecture}, only for {known}.", "Use one of these.")
    return card


def _described(
    card: ClassifierCard, data: Path, cache: Path, reporter: Reporter
) -> tuple[_Known, _Known, dict[str, Look]]:
    """Cells for training and for validation whose level an index has, and the looks of their laboratories."""
    found: dict[str, list[tuple[Record, NDArray[np.int64]]]] = {"train": [], "val": []}
    looks: dict[str, Look] = {}
    for name in titled(source.name for source in card.training):
        records = load(data, (name,)) if (data / name).is_dir() else []
        answers = subtypes_of(data / name, [record.key for record in records])
        if not (answers >= 0).any():
            continue
        looks |= looks_of(records, cache, reporter)
        for split, kept in found.items():
            chosen = {id(record) for record in in_split(records, split)}
            pairs = zip(records, answers, strict=True)
            kept += [(one, own) for one, own in pairs if id(one) in chosen and (own >= 0).any()]
    train, val = (
        _Known([record for record, _ in pairs], np.array([own for _, own in pairs], np.int64).reshape(-1, len(LEVELS)))
        for pairs in found.values()
    )
    for known in (train, val):
        for level, size in enumerate(_SIZES):
            if len(np.unique(known.answers[known.answers[:, level] >= 0, level])) < size:
                raise DataError(
                    f"No index in {data} has every value of {list(LEVELS)[level]} in its column subcode, for training "
                    "and for validation cells.",
                    "Use the data set pbc.",
                )
    return train, val, looks


def _held_out_logits(
    views: list[Maps], answers: NDArray[np.int64], cells: Cells, plan: Plan, reporter: Reporter
) -> NDArray[np.float32]:
    """Logits (n, all values) of each cell's first view, by a branch that did not learn from the cell or its group."""
    folds = np.array([zlib.crc32(group.encode()) % FOLDS for group in cells.groups.tolist()])
    logits = np.zeros((len(answers), sum(_SIZES)), np.float32)
    for fold in range(FOLDS):
        learnt, asked = folds != fold, folds == fold
        own = replace(plan, seed=plan.seed + fold + 1)
        branch = fit_branch([[m[learnt] for m in maps] for maps in views], answers[learnt], _SIZES, own, reporter)
        logits[asked] = branch.predict([maps[asked].astype(np.float32) for maps in views[0]], verbose=0)
    return logits


def _spread(cells: Cells) -> Cells:
    """`REPRESENTATIVE` of the cells at most, evenly spread."""
    return cells.select(np.unique(np.linspace(0, len(cells) - 1, REPRESENTATIVE).astype(np.intp)))


def _with_branch(bundle: Bundle, model: Any, branch: Any, images: NDArray[np.uint8]) -> bytes:
    """The bundle's flatbuffer with one more output; all its own outputs stay bit for bit.

    Layers of the other outputs only hold their places in the graph: their weights are then taken from the bundle.
    """
    card: Any = bundle.card
    rng, features = np.random.default_rng(1), int(model.get_layer("pooling").output.shape[-1])
    attributes = bundle_branch(model, bundle.path)
    if card.attributes and attributes is None:
        attributes = _place_holder(rng, features, sum(len(spec.values) for spec in card.attributes))
    projection = None if card.embedding is None else _place_holder(rng, features, card.embedding.size)
    architecture = architecture_named(card.architecture)
    network = export_graph(
        model,
        static_batch=architecture.static_batch,
        projection=projection,
        attributes=attributes,
        subtypes=branch,
    )
    return with_names_of(quantise(network, images, architecture.tail), bundle.flatbuffer, SUBTYPES)


def _place_holder(rng: np.random.Generator, features: int, size: int) -> Projection:
    kernel, bias = rng.normal(size=(features, size)), rng.normal(size=size)  # a bias of zeros would be left out
    return Projection(kernel.astype(np.float32), bias.astype(np.float32))


def subtype_specs(
    chosen: tuple[NDArray[np.float32], NDArray[np.int64]], judged: tuple[NDArray[np.float32], NDArray[np.int64]]
) -> tuple[SubtypeSpec, ...]:
    """What the card says of each level.

    Args:
        chosen: logits (n, all values) and answers (n, levels) of cells that choose temperature and least confidence.
        judged: the same of those that it is judged by.
    """
    specs = []
    of_chosen, of_judged = (logits_of_each(logits, _VALUES) for logits, _ in (chosen, judged))
    for level, (name, (label, values)) in enumerate(LEVELS.items()):
        known = chosen[1][:, level] >= 0
        logits, truth = of_chosen[name][known], chosen[1][known, level]
        temperature = fit_temperature(logits, truth)
        least = least_confidence(softmax(logits, temperature), truth)
        known = judged[1][:, level] >= 0
        told = told_table(softmax(of_judged[name][known], temperature), judged[1][known, level], least)
        specs.append(SubtypeSpec(name=name, of=label, values=values, temperature=temperature, least=least, told=told))
    return tuple(specs)


def least_confidence(shares: NDArray[np.float64], truth: NDArray[np.int64], right: float = RIGHT) -> float:
    """The least confidence at and above which a share `right` of the answers is right; the highest, if there is none.

    Args:
        shares: (n, values) probabilities.
        truth: (n,) index of the true value.
        right: wanted share.
    """
    confidence = shares.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    correct = np.cumsum(shares.argmax(axis=1)[order] == truth[order]) / np.arange(1, len(truth) + 1)
    enough = np.flatnonzero(correct >= right)
    return float(confidence[order[enough[-1]]]) if len(enough) else HIGHEST_THRESHOLD


def told_table(shares: NDArray[np.float64], truth: NDArray[np.int64], least: float) -> tuple[tuple[int, ...], ...]:
    """Cells by truth (row) and answer (column); the last column: not told."""
    n = shares.shape[1]
    answer = np.where(shares.max(axis=1) >= least, shares.argmax(axis=1), n)
    table = np.zeros((n, n + 1), np.int64)
    np.add.at(table, (truth, answer), 1)
    return tuple(tuple(row) for row in table.tolist())
