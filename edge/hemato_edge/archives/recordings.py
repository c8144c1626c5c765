"""Analyses what was recorded over time: a video, whose frames show cells again, and the cells of a stored session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.archives.sources import session_name
from hemato_edge.cameras.camera import EndOfFrames, NoFrameYet, OpenCamera
from hemato_edge.cameras.kinds.video import KIND
from hemato_edge.cameras.turned import turned
from hemato_edge.counting.red_cells.shapes import told_shapes
from hemato_edge.errors import DataError
from hemato_edge.escaped import as_utf8
from hemato_edge.labels import KINDS, PLATELET, RBC, WBC
from hemato_edge.pipeline.field import SLIDE_SHARE, FieldAnalyzer, adds_something
from hemato_edge.pipeline.field_mask import mask_of
from hemato_edge.pipeline.red_cell_survey import RedCellSurvey
from hemato_edge.pipeline.site_pictures import judge_portrait
from hemato_edge.store.reader import Reader
from hemato_edge.values import FieldResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_edge.archives.rows import Findings
    from hemato_edge.archives.terms import Instruments
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.store.records import CellRecord, FieldRecord, SessionRecord
    from hemato_edge.values import Cell, Quality


def examine_video(instruments: Instruments, path: Path, findings: Findings) -> None:
    """Count the cells of a video, each once, as `hemato-edge run --camera FILE` does without a calibration profile.

    Raises:
        CameraError: it cannot be read as a video.
    """
    settings = instruments.settings.camera
    survey = RedCellSurvey(measure=instruments.settings.red_cells.measure, shapes=instruments.shapes)
    analyzer = FieldAnalyzer(
        instruments.gate, instruments.locator, instruments.classifier, mask=mask_of(settings), red_cells=survey
    )
    camera = turned(KIND.make(str(path), settings), settings.rotate)
    kept: list[FieldResult] = []
    for result in _results(camera, analyzer, settings.read_timeout_s):
        if not isinstance(result, FieldResult):
            findings.rejected += 1
        elif adds_something(result):
            kept.append(result)
    gone = {number for result in kept for number, _ in result.joined}
    for result in kept:
        _add_result(findings, result, [cell for cell in result.new_cells if cell.number not in gone])
    findings.tallies, findings.reliable = survey.tallies(), instruments.told_shapes
    name = as_utf8(str(path))
    for reason, frames in sorted(camera.skipped.items()):
        findings.fail(
            name, f"{frames} frames were skipped: {reason.replace('_', ' ')}. Copy it again, if it was whole."
        )


def _results(camera: Camera, analyzer: FieldAnalyzer, timeout_s: float) -> Iterator[FieldResult | Quality]:
    with OpenCamera(camera):
        while True:
            try:
                frame = camera.read(timeout_s)
            except NoFrameYet:
                continue
            except EndOfFrames:
                break
            yield analyzer.analyze(frame)
    rest = analyzer.close()
    if rest is not None:
        yield rest


def _add_result(findings: Findings, result: FieldResult, cells: list[Cell]) -> None:
    new = {KINDS[WBC]: len(cells), KINDS[RBC]: int(result.new_red_cells), KINDS[PLATELET]: int(result.new_platelets)}
    picture = as_utf8(result.source)
    number = findings.add_field(
        (picture, result.frame_index, result.width, result.height),
        result.seen,
        new,
        (None, result.quality.measures),
        result.quality.measures.get(SLIDE_SHARE, 1.0),
    )
    for index, cell in enumerate(cells):
        findings.add_cell((number, index, picture), (KINDS[WBC], cell.box, float(cell.score)), cell.judgement)


def examine_session(instruments: Instruments, database: Path, session: int, findings: Findings) -> None:
    """Name the stored pictures of a session's cells; beside each answer stands the recorded one, and a person's.

    A stored picture is a JPEG of the cell: even the session's own model answers a few of them otherwise. Red cells have
    no stored pictures: their figures are the recorded ones.

    Raises:
        StoreError: the database cannot be read.
    """
    with Reader(database) as reader:
        record = reader.session(session)
        findings.tallies, findings.reliable = reader.tallies(session), told_shapes(record.settings)
        cells: dict[int, list[CellRecord]] = {}
        for cell in reader.counted(session):
            cells.setdefault(cell.field, []).append(cell)
        for field in reader.fields(session):
            _add_field(reader, record, instruments, (field, cells.get(field.number, [])), findings)


def _add_field(
    reader: Reader,
    record: SessionRecord,
    instruments: Instruments,
    found: tuple[FieldRecord, list[CellRecord]],
    findings: Findings,
) -> None:
    field, cells = found
    picture = as_utf8(field.source)
    new = {KINDS[WBC]: len(cells), KINDS[RBC]: field.new_rbc, KINDS[PLATELET]: field.new_platelet}
    number = findings.add_field(
        (picture, field.frame_index, field.width, field.height),
        field.seen,
        new,
        (None, field.quality),
        field.quality.get(SLIDE_SHARE) or 1.0,
    )
    for cell in cells:
        portrait = reader.portrait(record.id, cell.field, cell.number)
        if portrait is None:
            findings.without_picture += 1
            continue
        try:
            judgement = judge_portrait(portrait.jpeg, record, instruments.classifier)
        except DataError as error:
            findings.fail(f"{session_name(reader.path, record.id)}/{cell.field}/{cell.number}", str(error))
            continue
        place = number, cell.number, picture
        findings.add_cell(place, (KINDS[WBC], cell.box, cell.score), judgement, (cell.label, cell.relabelled))
