"""Adds caution to a bundle: less confidence for classes and cells that its network may not know.

The network stays as it is. Labels that only one training laboratory has are lowered, and a linear score of the
embedding is fitted that tells known cells from drawn strangers (`augment.drawn_strangers`); then temperature,
threshold and figures of the card are measured again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression

from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_convert.left_out import left_out_figures, read_left_out
from hemato_convert.on_device import OnDevice, changeable_card, write_card
from hemato_edge.errors import ConfigurationError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import PROTOTYPES, check_bundle_path, read_bundle
from hemato_edge.models.card import CautionSpec
from hemato_training.augment.drawn_strangers import draw_stranger
from hemato_training.augment.stain_and_optics import MARGIN, augment
from hemato_training.data.cell_sets import load, titled
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split, thin
from hemato_training.metrics.calibration import fit_temperature, rejection_threshold, softmax

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.card import ClassifierCard
    from hemato_edge.values import Image
    from hemato_training.data.crops import Cells, Look
    from hemato_training.data.records import Record
    from hemato_training.progress import Reporter

    _View = tuple[Image, int, float, Generator]
    """A crop with margin, the cell whose stain it has, the strength of its augmentation, and its randomness."""

STRENGTHS = (0.0, 0.6, 0.3)
"""Of the augmentation: one view of each known cell for each, and one drawn at random for a stranger."""
PENALTY = 0.01
"""Inverse strength of the L2 penalty of the score, for standardised embeddings."""
DOUBTED = 0.2
"""Share of held-out cells whose score is below 0; the nearer to 0, the less they lose."""
_BATCH = 256


@dataclass(frozen=True, slots=True)
class CautionPlan:
    """How caution is fitted.

    Attributes:
        lower: subtracted from the logit of each label that only one training laboratory has.
        slope: see `CautionSpec`.
        per_class: training cells of each laboratory and class that are known cells of the score, at most.
        strangers: how many are drawn.
        seed: of all randomness.
        least: the rejection threshold is not lower.

    Raises:
        ConfigurationError: a number is out of range.
    """

    lower: float = 2.0
    slope: float = 0.3
    per_class: int = 200
    strangers: int = 3000
    seed: int = 1
    least: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.lower <= 20 or not 0 <= self.slope <= 100:
            raise ConfigurationError(
                "A network is lowered by 0 to 20 and divided at a slope of 0 to 100.", "See --help."
            )
        if not 0 <= self.least < 1:
            raise ConfigurationError(
                f"A threshold of {self.least:g} is out of range.", "Choose --least from 0 to 0.999."
            )
        if min(self.per_class, self.strangers) < 1:
            raise ConfigurationError("The score needs known cells and strangers.", "Choose 1 or more of each.")


@dataclass(frozen=True, slots=True)
class Home:
    """The cells that caution is fitted on.

    Attributes:
        train: known cells, crops with margin.
        held_out: (n, S, S, 3) uint8 RGB, ready for the network: they say where the score is 0.
        looks: laboratory → scale and stain.
    """

    train: Cells
    held_out: NDArray[np.uint8]
    looks: Mapping[str, Look]


def add_caution(
    base: Path,
    data: Path,
    out: Path,
    plan: CautionPlan,
    *,
    left_out: Path | None = None,
    cache: Path | None = None,
    reporter: Reporter,
) -> ClassifierCard:
    """Write `base` with caution; its network and golden pairs stay bit for bit.

    Args:
        base: a bundle with an embedding.
        data: the directory of the data sets that it was trained on.
        out: the bundle to write.
        plan: how.
        left_out: file of `benchmarks/travel.py --out`, with the same caution: chooses the threshold together with the
            laboratories that are only judged by. Without it held-out cells of home choose, as in `convert`.
        cache: folder for crops; beside `out` unless named.
        reporter: receives progress.

    Returns:
        The new card.

    Raises:
        DataError: the data or the file of left-out laboratories are missing.
        ModelError: the bundle cannot be read, is no classifier with an embedding, or has parts for other runtimes.
    """
    check_bundle_path(out)
    bundle, keep = read_bundle(base), cache or out.parent / "cells"
    card = _card_of(bundle)
    size, names = card.input.size, titled(source.name for source in card.training)
    records = load(data, names)
    looks = looks_of(records, keep, reporter)
    val = cells_of(in_split(records, "val"), looks, size, keep, reporter=reporter)
    train = cells_of(in_split(thin(records, plan.per_class), "train"), looks, size, keep, MARGIN, reporter)
    images = prepare_cells(val, looks)
    caution = fit_caution(bundle.flatbuffer, Home(train, images, looks), records, plan, reporter)
    cautious = card.model_copy(update={"caution": caution})
    network = OnDevice(bundle.flatbuffer, bundle.part(PROTOTYPES), cautious)
    logits = network.first(images)
    temperature = fit_temperature(logits, val.labels)
    threshold, abroad = max(plan.least, rejection_threshold(softmax(logits, temperature), val.labels)), {}
    network = network.with_card(temperature=temperature)
    if left_out is not None:
        elsewhere = network.judged_only(data, keep, reporter)
        figures = left_out_figures([*read_left_out(left_out, card.second_look_views), *elsewhere], threshold)
        threshold, abroad = figures.threshold, figures.counts
    network = network.with_card(rejection_threshold=threshold, abroad=abroad)
    return write_card(out, bundle, network.judged(images, val))


def fit_caution(
    flatbuffer: bytes, home: Home, records: Sequence[Record], plan: CautionPlan, reporter: Reporter
) -> CautionSpec:
    """Caution for a network.

    Args:
        flatbuffer: full int8, with an embedding.
        home: the cells of the laboratories that it was trained on.
        records: all cells of these laboratories: they say which labels only one has.
        plan: how.
        reporter: receives progress.

    Raises:
        ModelError: the network has no embedding.
    """
    lowered = tuple(plan.lower * float(alone) for alone in only_one_laboratory(records))
    if not plan.slope:
        return CautionSpec(lowered=lowered)
    reporter.note(f"drawing {plan.strangers} strangers beside {len(home.train)} known cells")
    known = _embeddings(flatbuffer, home, _known_views(home, plan))
    strangers = _embeddings(flatbuffer, home, _strangers(home, plan))
    both = np.concatenate([known, strangers]).astype(np.float64)
    middle, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-6)
    truth = np.repeat([1, 0], [len(known), len(strangers)])
    model = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=500).fit((both - middle) / spread, truth)
    weights = model.coef_[0] / spread
    held_out = try_flatbuffer(flatbuffer, home.held_out).real_embeddings().astype(np.float64) @ weights
    bias = -float(np.quantile(held_out, DOUBTED))
    return CautionSpec(lowered=lowered, weights=tuple(weights.tolist()), bias=bias, slope=plan.slope)


def only_one_laboratory(records: Sequence[Record]) -> list[bool]:
    """For each label whether exactly one of several laboratories has a training cell of it."""
    train = in_split(records, "train")
    several = len({record.laboratory for record in train}) > 1
    having = [{record.laboratory for record in train if record.label == label} for label in CLASSIFIER_LABELS]
    return [several and len(laboratories) == 1 for laboratories in having]


def _known_views(home: Home, plan: CautionPlan) -> Iterator[_View]:
    for view, strength in enumerate(STRENGTHS):
        for one in range(len(home.train)):
            yield home.train.crops[one], one, strength, np.random.default_rng([plan.seed, view, one])


def _strangers(home: Home, plan: CautionPlan) -> Iterator[_View]:
    for number in range(plan.strangers):
        rng = np.random.default_rng([plan.seed, len(STRENGTHS), number])
        crop, one = draw_stranger(home.train, rng)
        yield crop, one, float(rng.choice(STRENGTHS)), rng


def _embeddings(flatbuffer: bytes, home: Home, views: Iterator[_View]) -> NDArray[np.float32]:
    """(n, d) float32: of augmented views, in the stain of the cells that they come from."""
    size, parts = home.held_out.shape[1], []
    while batch := list(islice(views, _BATCH)):
        seen = [
            augment(crop, home.train.stain(one, home.looks), size, rng, strength) for crop, one, strength, rng in batch
        ]
        images = np.stack([cv2.cvtColor(view, cv2.COLOR_BGR2RGB) for view in seen]).astype(np.uint8)
        parts.append(try_flatbuffer(flatbuffer, images).real_embeddings())
    return np.concatenate(parts)


def _card_of(bundle: Bundle) -> ClassifierCard:
    card = changeable_card(bundle)
    if card.embedding is None:
        raise ModelError(f"{bundle.path} is no classifier with an embedding.", "Convert it with --embedding.")
    return card
