"""Analyses one source: the one function that all processes run, on this machine or on a cluster's."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.archives.recordings import examine_session, examine_video
from hemato_edge.archives.rows import NO_RED_CELL, Findings
from hemato_edge.archives.sources import PICTURES, SESSION
from hemato_edge.archives.terms import Instruments, differences
from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.errors import HematoEdgeError, ModelError
from hemato_edge.escaped import as_utf8, on_one_line
from hemato_edge.labels import KINDS, PLATELET
from hemato_edge.pipeline.images import analyze_pictures
from hemato_edge.pipeline.red_cell_survey import RedCellSurvey

if TYPE_CHECKING:
    from hemato_edge.archives.rows import RedCell
    from hemato_edge.archives.sources import Source
    from hemato_edge.archives.terms import Terms
    from hemato_edge.errors import ImageError
    from hemato_edge.pipeline.images import FieldPicture

_log = logging.getLogger(__name__)
_kept = threading.local()


def examine(terms: Terms, source: Source) -> Findings:
    """Everything that is found in a source. The models are loaded once a thread and kept.

    A source, or a file of it, that cannot be analysed is told among its failures.

    Raises:
        ModelError: a model cannot be loaded, or settings, models or version are not those of `terms.fingerprint`.
    """
    instruments = _instruments(terms)
    findings = Findings(source.name)
    try:
        if source.kind == PICTURES:
            _examine_pictures(instruments, source, findings)
        elif source.kind == SESSION:
            examine_session(instruments, Path(source.files[0]), source.session, findings)
        else:
            examine_video(instruments, Path(source.files[0]), findings)
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - one odd file is no reason to end the analysis of thousands of others
        findings = failed_source(source, _reason(error))
    return findings.close(source.kind)


def failed_source(source: Source, reason: str) -> Findings:
    """What is told of a source that cannot be analysed at all."""
    findings = Findings(source.name)
    findings.fail(as_utf8(source.name), reason)
    return findings


def _reason(error: Exception) -> str:
    if isinstance(error, HematoEdgeError):
        return str(error)
    _log.exception("a source failed")
    return f"{type(error).__name__}: {on_one_line(as_utf8(str(error)))[:300]}. Report this with `-v` and the file."


def _instruments(terms: Terms) -> Instruments:
    instruments: Instruments | None = getattr(_kept, "instruments", None)
    if instruments is None or instruments.terms != terms:
        instruments = Instruments(terms)
        if terms.fingerprint and instruments.fingerprint() != terms.fingerprint:
            what = "; ".join(differences(terms.fingerprint, instruments.fingerprint()))
            raise ModelError(
                f"A process that analyses found other terms than the start of this run ({what}).",
                "Leave models and program alone while it runs, and have the same on every machine; then type it again.",
            )
        _kept.instruments = instruments
    return instruments


def _examine_pictures(instruments: Instruments, source: Source, findings: Findings) -> None:
    terms = instruments.terms

    def failed(error: ImageError) -> None:
        findings.fail(as_utf8(str(error.file or source.name)), str(error))

    pictures = analyze_pictures(
        map(Path, source.files),
        instruments.gate,
        instruments.locator,
        instruments.classifier,
        each=terms.each,
        name_blurred=terms.name_blurred,
        red_cells=instruments.settings.red_cells.measure,
        shapes=instruments.shapes,
        failed=failed,
    )
    survey = RedCellSurvey()
    for picture in pictures:
        _add_picture(findings, picture)
        seen = picture.detections.counts()[KINDS[PLATELET]]
        survey.enter_picture(picture.red_cells, picture.shapes, picture.platelets, seen)
    if not terms.each:  # strangers have scales of their own: their red cells are no one distribution
        findings.tallies, findings.reliable = survey.tallies(), instruments.told_shapes


def _add_picture(findings: Findings, picture: FieldPicture) -> None:
    detections, quality = picture.detections, picture.quality
    height, width = picture.image.shape[:2]
    counts, name = detections.counts(), as_utf8(str(picture.path))
    findings.rejected += quality.reject is not None
    number = findings.add_field(
        (name, None, width, height), counts, counts, (quality.reject, quality.measures), picture.aperture.share
    )
    found = zip(detections.boxes, detections.kinds, detections.scores, strict=True)
    red = _red_cells(picture)
    for index, (box, kind, score) in enumerate(found):
        corners = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
        place, judgement = (number, index, name), picture.judged.get(index)
        findings.add_cell(place, (KINDS[kind], corners, float(score)), judgement, red=red.get(index, NO_RED_CELL))


def _red_cells(picture: FieldPicture) -> dict[int, RedCell]:
    """Index into the detections → diameter and pallor of each red cell that was measured, and the name of its shape."""
    look = picture.red_cells
    if look is None:
        return {}
    named = {} if picture.shapes is None else dict(zip(look.alone, picture.shapes.tolist(), strict=False))
    shapes = {index: SHAPES[number] for index, number in named.items() if number >= 0}
    sizes = zip(look.diameters_px.tolist(), look.pallor.tolist(), strict=True)
    measured = dict(zip(look.measured.tolist(), sizes, strict=True))
    none = (None, None)
    return {index: (*measured.get(index, none), shapes.get(index)) for index in {*measured, *shapes}}
