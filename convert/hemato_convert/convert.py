"""Converts a training run to one verified file: quantise, compare with the float model, calibrate, write the card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hemato_convert.card import CardParts, make_card
from hemato_convert.flatbuffer.golden import COUNT, TOLERANCE_STEPS, golden_pairs
from hemato_convert.flatbuffer.quantised import quantise_run
from hemato_convert.judged import judge
from hemato_convert.report import write_report
from hemato_convert.settings import ConversionSettings
from hemato_convert.source import open_source
from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import check_bundle_path, read_bundle, write_bundle
from hemato_edge.models.card import ClassifierCard
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hemato_convert.flatbuffer.quantised import Quantised
    from hemato_convert.judged import Judged
    from hemato_convert.source import Source
    from hemato_training.progress import Reporter


@dataclass(frozen=True, slots=True)
class Conversion:
    """Result of a conversion.

    Attributes:
        path: the bundle.
        bytes: its size.
        judged: evaluation of the int8 network on the validation cells, against the float model.
        operations: operation → version, as in the file.
        report: the parity report beside the bundle.
        picture: the worst cells, beside it.
    """

    path: Path
    bytes: int
    judged: Judged
    operations: dict[str, int]
    report: Path
    picture: Path


def convert(
    run: Path,
    out: Path,
    data: Path,
    settings: ConversionSettings | None = None,
    *,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Conversion:
    """Convert the model of a run to a full-int8 bundle with its card, and write the parity report beside it.

    Args:
        run: folder of the run, or its model.keras.
        out: the bundle to write, ending in .tflite.
        data: the directory the run was trained on.
        settings: by default `ConversionSettings()`.
        cache: folder for crops; by default "cells" in the run's folder.
        reporter: for progress.

    Raises:
        ModelError: the model is unreadable, not of this project's form, not integer throughout after conversion, not
            loadable by the oldest runtime, agrees too little with the float model, or its card would be incomplete, or
            `same_names` is another network; nothing is written then.
        ConfigurationError: the tail is out of range.
        DataError: the data are missing or not those of the run.
    """
    check_bundle_path(out)
    settings, source = settings or ConversionSettings(), open_source(run, data, cache, reporter or Silent())
    if settings.same_names is None:
        return convert_source(source, out, settings)
    kept = read_bundle(settings.same_names).card
    if not isinstance(kept, ClassifierCard) or kept.architecture != source.facts["settings"]["architecture"]:
        raise ModelError(f"{settings.same_names} has another network.", "Name the bundle that the run came from.")
    settings = replace(settings, second_look_views=kept.second_look_views)
    names = ("temperature", "rejection_threshold", "abroad", "caution")
    same = {name: getattr(kept, name) for name in names}
    return convert_source(source, out, settings, lambda made: made.model_copy(update=same))


def convert_source(
    source: Source,
    out: Path,
    settings: ConversionSettings,
    amend: Callable[[ClassifierCard], ClassifierCard] = lambda card: card,
) -> Conversion:
    """As `convert`, of a network that is open already.

    Args:
        source: the network and its cells.
        out: the bundle to write, ending in .tflite.
        settings: how.
        amend: has the last word on the card.

    Raises:
        ModelError: as `convert`.
    """
    made = quantise_run(source, settings)
    judged = judge(source, made, settings)
    card = amend(complete_card(_card_parts(source, made, judged, settings)))
    write_bundle(out, made.flatbuffer, card, *golden_pairs(made.flatbuffer, source.size), prototypes=made.prototypes)
    ClassifierModel(read_bundle(out)).verify()
    facts = {"representative": made.sample, "tail_percent": made.tail, "operations": made.operations}
    report = write_report(out, judged.parity, {"laboratories": judged.by_laboratory, **facts}, judged.images)
    return Conversion(out, out.stat().st_size, judged, made.operations, *report)


def complete_card(parts: CardParts) -> ClassifierCard:
    """The card of a converted classifier.

    Raises:
        ModelError: names the first part that is missing or out of range: a model without a complete card is not run.
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


def _card_parts(source: Source, made: Quantised, judged: Judged, settings: ConversionSettings) -> CardParts:
    return CardParts(
        name=settings.name,
        run=source.facts,
        size=source.size,
        float_figures=judged.float_figures,
        int8_figures=judged.int8_figures,
        confusion=judged.confusion,
        parity=judged.parity,
        temperature=judged.temperature,
        threshold=judged.threshold,
        second_look_views=settings.second_look_views,
        left_out=judged.left_out,
        embedding=made.embedding_spec(judged.tried),
        attributes=made.attribute_specs(source, judged.cells, judged.tried),
        golden_count=COUNT,
        golden_tolerance=TOLERANCE_STEPS * judged.tried.step,
        versions={**source.facts["versions"], "ai-edge-litert": version("ai-edge-litert")},
        created=datetime.now(timezone.utc).replace(microsecond=0),
    )
