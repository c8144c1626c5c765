"""The card of a converted classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_convert.flatbuffer.quantise import INPUT_SCALE, INPUT_ZERO_POINT
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.card import (
    Accuracy,
    AttributeSpec,
    ClassifierCard,
    DataSource,
    EmbeddingSpec,
    Golden,
    InputSpec,
    Parity,
    StainSpec,
)
from hemato_edge.vision.classify.crops import CROP_RED_CELLS
from hemato_edge.vision.optics.stain import RATIO_LIMITS, REFERENCE_LEVEL, REFERENCE_NUCLEUS_OD, REFERENCE_RED_OD
from hemato_training.data.cell_sets import laboratory_named
from hemato_training.networks.backbones import architecture_named

if TYPE_CHECKING:
    from datetime import datetime

    from hemato_convert.left_out import LeftOutFigures
    from hemato_convert.parity import ParityReport
    from hemato_training.data.cell_sets import Laboratory
    from hemato_training.metrics.classification import Figures

LICENCE = "Apache-2.0"
STAIN = StainSpec(
    method="optical_density",
    reference_level=REFERENCE_LEVEL,
    reference_nucleus_od=REFERENCE_NUCLEUS_OD,
    ratio_limits=RATIO_LIMITS,
    background="field",
    reference_red_od=REFERENCE_RED_OD,
)
"""Stain normalisation of every classifier's cells: that of `vision.optics.stain`."""


@dataclass(frozen=True, slots=True)
class CardParts:
    """Everything that a card is made from.

    Attributes:
        name: the model's name.
        run: the run's `run.json`.
        size: side of the input, pixels.
        float_figures: laboratory → figures of the float model on the validation cells.
        int8_figures: the same for the int8 model.
        confusion: int8, all validation cells; row: truth, column: answer.
        parity: float against int8.
        temperature: divides the logits.
        threshold: rejection threshold.
        second_look_views: see `models.second_look`.
        left_out: figures of left-out laboratories, None if not evaluated.
        embedding: its card entry, None without that output.
        attributes: their card entries, empty without that output.
        golden_count: number of golden pictures.
        golden_tolerance: largest difference of a logit.
        versions: of the programs used.
        created: when, UTC.
    """

    name: str
    run: dict[str, Any]
    size: int
    float_figures: dict[str, Figures]
    int8_figures: dict[str, Figures]
    confusion: list[list[int]]
    parity: ParityReport
    temperature: float
    threshold: float
    second_look_views: int
    left_out: LeftOutFigures | None
    embedding: EmbeddingSpec | None
    attributes: tuple[AttributeSpec, ...]
    golden_count: int
    golden_tolerance: float
    versions: dict[str, str]
    created: datetime


def make_card(parts: CardParts) -> ClassifierCard:
    """The card of a converted classifier.

    Raises:
        pydantic.ValidationError: a part is missing or out of range.
    """
    settings = parts.run["settings"]
    architecture = str(settings["architecture"])
    laboratories = [laboratory_named(name) for name in parts.run["data"]]
    return ClassifierCard(
        name=parts.name,
        task="classify",
        architecture=architecture,
        alpha=float(settings["alpha"]) if architecture_named(architecture).has_alpha else None,
        labels=CLASSIFIER_LABELS,
        input=InputSpec(
            size=parts.size,
            channels="rgb",
            crop_red_cells=CROP_RED_CELLS,
            scale=INPUT_SCALE,
            zero_point=INPUT_ZERO_POINT,
        ),
        stain=STAIN,
        training=tuple(_data_source(lab, parts.run["data"][lab.name]) for lab in laboratories),
        training_arguments=settings,
        accuracy=_accuracy(parts),
        confusion=tuple(tuple(row) for row in parts.confusion),
        parity=Parity(
            cells=parts.parity.cells,
            agreement=parts.parity.agreement,
            max_logit_difference=parts.parity.max_difference,
        ),
        temperature=parts.temperature,
        rejection_threshold=parts.threshold,
        second_look_views=parts.second_look_views,
        abroad={} if parts.left_out is None else parts.left_out.counts,
        embedding=parts.embedding,
        attributes=parts.attributes,
        golden=Golden(count=parts.golden_count, tolerance=parts.golden_tolerance),
        versions=parts.versions,
        created=parts.created,
        licence=LICENCE,
        attribution=_attribution(laboratories, pretrained=str(settings["weights"]) != "none"),
    )


def _data_source(laboratory: Laboratory, facts: dict[str, Any]) -> DataSource:
    """Source of the training cells; `facts` is its entry in `run.json`."""
    counted = {key: facts[key] for key in ("split_sha256", "train", "val")}
    return DataSource(name=laboratory.title, licence=laboratory.licence, **counted)


def _attribution(laboratories: list[Laboratory], *, pretrained: bool) -> str:
    sources = [f"{lab.attribution} ({lab.licence})" for lab in laboratories]
    if pretrained:
        sources.append("ImageNet weights of keras.applications (Apache-2.0)")
    return "; ".join(sources)


def _accuracy(parts: CardParts) -> tuple[Accuracy, ...]:
    """Accuracy by laboratory, on the held-out cells."""
    return tuple(
        Accuracy(
            data=name,
            split="val",
            cells=figures.cells,
            float_accuracy=parts.float_figures[name].accuracy,
            int8_accuracy=figures.accuracy,
            int8_balanced_accuracy=figures.balanced_accuracy,
        )
        for name, figures in parts.int8_figures.items()
    )
