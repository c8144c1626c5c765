"""Evaluation of the int8 network on held-out cells: parity with the float model, temperature, threshold, figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_convert.left_out import LeftOut, LeftOutFigures, left_out_figures, only_judged, read_left_out
from hemato_convert.parity import ParityReport, compare
from hemato_convert.report import laboratory_parity
from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.second_look import ALL, SecondLook
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split
from hemato_training.metrics.calibration import fit_temperature, rejection_threshold, softmax
from hemato_training.metrics.classification import figures_by_laboratory
from hemato_training.networks.keras_model import keras_logits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hemato_convert.flatbuffer.quantised import Quantised
    from hemato_convert.flatbuffer.trial import Trial
    from hemato_convert.settings import ConversionSettings
    from hemato_convert.source import Source
    from hemato_training.data.crops import Cells
    from hemato_training.metrics.classification import Figures


@dataclass(frozen=True, slots=True)
class Judged:
    """The int8 network against the float model on the validation cells.

    Attributes:
        cells: the validation cells.
        images: inputs of both, (n, S, S, 3) uint8.
        tried: all outputs of the int8 network.
        parity: float against int8.
        by_laboratory: the same by laboratory, see `laboratory_parity`.
        float_figures: laboratory → figures of the float model.
        int8_figures: laboratory → figures of the int8 model.
        confusion: int8, all cells; row: truth, column: answer.
        temperature: fitted on the int8 logits.
        threshold: rejection threshold at that temperature.
        left_out: figures of left-out laboratories at that threshold, None if not evaluated.
    """

    cells: Cells
    images: NDArray[np.uint8]
    tried: Trial
    parity: ParityReport
    by_laboratory: dict[str, dict[str, float]]
    float_figures: dict[str, Figures]
    int8_figures: dict[str, Figures]
    confusion: list[list[int]]
    temperature: float
    threshold: float
    left_out: LeftOutFigures | None


def judge(source: Source, made: Quantised, settings: ConversionSettings) -> Judged:
    """Run the int8 network on the validation cells of its run.

    Raises:
        ModelError: it agrees too little with the float model.
        DataError: the file of left-out laboratories cannot be read.
    """
    cells = source.cut(in_split(source.records, "val"))
    images = prepare_cells(cells, source.looks)
    floats = keras_logits(source.model, images)
    tried = try_flatbuffer(made.flatbuffer, images)
    parity = compare(floats, tried.logits, cells.labels, cells.keys.tolist(), CLASSIFIER_LABELS)
    _require_agreement(parity, settings.min_agreement)
    logits = made.logits_of(tried)
    temperature = fit_temperature(logits, cells.labels)
    threshold, left_out = rejection_threshold(softmax(logits, temperature), cells.labels), None
    if settings.left_out is not None:
        recorded = read_left_out(settings.left_out, settings.second_look_views)
        elsewhere = [*recorded, *_judged_only(source, made, temperature, settings)]
        left_out = left_out_figures(elsewhere, threshold)
        threshold = left_out.threshold
    look = SecondLook(settings.second_look_views, temperature, threshold)
    twice = made.twice_seen(images, tried, look)
    figures, overall = figures_by_laboratory(twice, cells, temperature, threshold)
    return Judged(
        cells,
        images,
        tried,
        parity,
        laboratory_parity(floats, tried.logits, cells.labels, cells.laboratories),
        figures_by_laboratory(floats, cells)[0],
        figures,
        overall.confusion,
        temperature,
        threshold,
        left_out,
    )


def _judged_only(source: Source, made: Quantised, temperature: float, settings: ConversionSettings) -> list[LeftOut]:
    """The network's own answers for laboratories that are never trained on."""
    names = only_judged(source.data)
    if not names:
        return []
    records = load(source.data, names)
    looks = looks_of(records, source.cache, source.reporter)
    cells = cells_of(records, looks, source.size, source.cache, reporter=source.reporter)
    images = prepare_cells(cells, looks)
    tried = try_flatbuffer(made.flatbuffer, images)
    logits = made.logits_of(tried)
    again = made.twice_seen(images, tried, SecondLook(settings.second_look_views, temperature, ALL))
    return [
        LeftOut(name, cells.labels[own], logits[own], temperature, again[own])
        for name in names
        for own in [cells.laboratories == name]
    ]


def _require_agreement(parity: ParityReport, asked: float) -> None:
    if parity.agreement < asked:
        raise ModelError(
            f"Float and int8 agree on {100 * parity.agreement:.1f} % of {parity.cells} cells, "
            f"required are {100 * asked:.1f} %.",
            "Try more --representative crops or another --tail such as 0.01, or lower --min-agreement.",
        )
