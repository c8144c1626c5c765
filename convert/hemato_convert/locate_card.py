"""The card of a converted locator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_convert.card import LICENCE
from hemato_convert.flatbuffer.quantise import INPUT_SCALE, INPUT_ZERO_POINT
from hemato_edge.labels import KINDS
from hemato_edge.models.card import DataSource, Golden, LocatorCard, Precision, WindowInput
from hemato_edge.vision.locate.peaks import STRIDE
from hemato_training.data.field_sets import FIELD_SETS

if TYPE_CHECKING:
    from datetime import datetime

    from hemato_edge.vision.locate.windows import WindowSpec
    from hemato_training.metrics.detection import KindFigures


@dataclass(frozen=True, slots=True)
class LocatorCardParts:
    """Everything that a locator's card is made from.

    Attributes:
        name: the model's name.
        run: the run's `run.json`.
        spec: its input windows.
        float_figures: data set → figures of the float model by kind, on validation fields.
        int8_figures: the same for the int8 model.
        fields: data set → number of validation fields.
        min_scores: thresholds by kind.
        multiply_adds: per window.
        golden_count: number of golden windows.
        golden_tolerance: largest mean difference of a map, steps.
        versions: of the programs used.
        created: when, UTC.
    """

    name: str
    run: dict[str, Any]
    spec: WindowSpec
    float_figures: dict[str, list[KindFigures]]
    int8_figures: dict[str, list[KindFigures]]
    fields: dict[str, int]
    min_scores: tuple[float, ...]
    multiply_adds: int
    golden_count: int
    golden_tolerance: float
    versions: dict[str, str]
    created: datetime


def make_locator_card(parts: LocatorCardParts) -> LocatorCard:
    """The card of a converted locator.

    Raises:
        pydantic.ValidationError: a part is missing or out of range.
    """
    settings = parts.run["settings"]
    sets = [FIELD_SETS[name] for name in parts.run["data"]]
    sources = [f"{one.attribution} ({one.licence})" for one in sets]
    if str(settings["weights"]) != "none":
        sources.append("ImageNet weights of keras.applications (Apache-2.0)")
    return LocatorCard(
        name=parts.name,
        task="locate",
        architecture="mobilenet_v2, centre points",
        alpha=float(settings["alpha"]),
        labels=KINDS,
        input=WindowInput(
            width=parts.spec.width,
            height=parts.spec.height,
            channels="rgb",
            red_cell_px=parts.spec.red_cell_px,
            stride=STRIDE,
            scale=INPUT_SCALE,
            zero_point=INPUT_ZERO_POINT,
        ),
        min_scores=parts.min_scores,
        precision=tuple(
            Precision(
                data=name,
                split="val",
                kind=figures.kind,
                fields=parts.fields[name],
                boxes=figures.boxes,
                float_ap50=floats.ap50,
                int8_ap50=figures.ap50,
                int8_precision=figures.precision,
                int8_recall=figures.recall,
            )
            for name, own in parts.int8_figures.items()
            for floats, figures in zip(parts.float_figures[name], own, strict=True)
        ),
        multiply_adds=parts.multiply_adds,
        training=tuple(
            DataSource(
                name=one.title,
                licence=one.licence,
                split_sha256=parts.run["data"][one.name]["split_sha256"],
                train=parts.run["data"][one.name]["train"],
                val=parts.run["data"][one.name]["val"],
            )
            for one in sets
        ),
        training_arguments=settings,
        golden=Golden(count=parts.golden_count, tolerance=parts.golden_tolerance),
        versions=parts.versions,
        created=parts.created,
        licence=LICENCE,
        attribution="; ".join(sources),
    )
