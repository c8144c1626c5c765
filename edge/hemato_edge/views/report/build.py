"""The report of a session, made from what its database holds."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.counting.differential import differential
from hemato_edge.counting.rejection import uneven_rejection
from hemato_edge.labels import (
    ARTEFACT,
    ERYTHROBLAST,
    LEUKOCYTES,
    UNCLASSIFIED,
)
from hemato_edge.quality_control.overview import control_line
from hemato_edge.site.record import adaptation_of, confusions_of, line_of, unanswered_by
from hemato_edge.store.recorded_settings import number_set
from hemato_edge.store.records import SETTING_CHANGED
from hemato_edge.views.report.areas import (
    DIGITS,
    areas_of,
    estimates_of,
    per_field,
    white_per_1000_red,
)
from hemato_edge.views.report.clock import clock_set
from hemato_edge.views.report.explanations import (
    METHOD,
    METHOD_ABROAD,
    METHOD_CORRECTED,
    METHOD_VERIFIED,
    NO_SCALE,
    ROUGH,
)
from hemato_edge.views.report.field_of_view import field_of_view_line
from hemato_edge.views.report.incidents import camera_summary, tracking_summary
from hemato_edge.views.report.model import (
    Approval,
    ClassShare,
    Estimates,
    Letterhead,
    NucleatedRedCells,
    Provenance,
    Report,
    Reviewed,
    Summary,
)
from hemato_edge.views.report.recorded import (
    calibration_of,
    letterhead_of,
    reference_of,
    session_head,
    verification_part,
)
from hemato_edge.views.report.red_cells.build import diameters_of, morphology_of
from hemato_edge.views.report.subtypes.build import subtype_figures

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hemato_edge.counting.differential import ClassRow, Differential
    from hemato_edge.counting.known_confusions import Confusions
    from hemato_edge.counting.rejection import UnevenRejection
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import FieldRecord, SessionRecord, Totals

_WARNING = "warning:"


def build_report(
    reader: Reader,
    session: int | None = None,
    nucleated_count: float | None = None,
    letterhead: Letterhead | None = None,
    red_count: float | None = None,
) -> Report:
    """The report of a session, the last one for None.

    Args:
        reader: of the database.
        session: its number.
        nucleated_count: what a counter that takes nucleated red cells for white ones gave, in any unit; the report then
            has its white count corrected.
        letterhead: what the laboratory prints on its reports; what the session was recorded with stands over it.
        red_count: 10^12 red cells per litre by a counter; platelets are then estimated from it, too.

    Raises:
        StoreError: there is no such session, or the database cannot be read.
    """
    record = reader.session(session)
    totals = reader.totals(record.id)
    known = confusions_of(record), reference_of(record.settings)
    summary = count_summary(totals, *known, nucleated_count, unanswered_by(record, totals))
    tallies = reader.tallies(record.id)
    fields = list(reader.fields(record.id))
    areas = areas_of(fields, tallies)
    estimates = _estimates(record, summary.counts, fields, areas)
    per_mm2 = None if estimates is None else estimates.platelet
    return Report(
        **{name: getattr(summary, name) for name in Summary.__dataclass_fields__},
        session=session_head(record),
        per_field=per_field(summary.counts, fields, areas),
        white_per_1000_red=white_per_1000_red(summary.counts, areas),
        estimates=estimates,
        estimates_note=NO_SCALE if estimates is None else ROUGH,
        reviewed=_reviewed(reader, totals),
        calibration=calibration_of(record),
        warnings={name.removeprefix(_WARNING): n for name, n in tallies.items() if name.startswith(_WARNING)},
        tracking_lost=tallies.get("tracking_lost", 0),
        tracking=tracking_summary(tallies),
        camera=camera_summary(tallies),
        field_of_view=field_of_view_line(tallies),
        regions=reader.regions(record.id),
        provenance=_provenance(reader, record, tallies),
        notice=RESEARCH_USE_NOTICE,
        uneven_rejection=_uneven_rejection(reader, totals),
        clock_set=clock_set(record, fields),
        timings_ms=_timings(fields),
        letterhead=letterhead_of(record, letterhead or Letterhead()),
        verification=verification_part(record),
        verified=line_of(record),
        adapted=adaptation_of(record),
        attributes=reader.attributes(record.id),
        subtypes=subtype_figures(reader, record, totals.labels),
        approval=_approval(reader, record.id),
        red_cells=diameters_of(tallies, *_scale(record)),
        red_cell_morphology=morphology_of(tallies, summary.counts, areas, per_mm2, red_count, record.settings),
        quality_control=control_line(reader, record),
    )


def _approval(reader: Reader, session: int) -> Approval | None:
    found = reader.approval(session)
    return None if found is None else Approval(found.who, found.utc, found.overtaken)


def _uneven_rejection(reader: Reader, totals: Totals) -> tuple[UnevenRejection, ...]:
    """As far as the review shows it, and cells are left that nobody named."""
    if not totals.labels.get(UNCLASSIFIED) or not totals.reviewed:
        return ()
    rejected: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for cell in reader.counted(totals.session):
        if cell.label in LEUKOCYTES:
            named[cell.label] += 1
        elif cell.label == UNCLASSIFIED and cell.relabelled in LEUKOCYTES:
            rejected[cell.name] += 1
    return uneven_rejection(rejected, named)


def _timings(fields: Sequence[FieldRecord]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for one in fields:
        for stage, value in one.latency_ms.items():
            if value is not None:
                found.setdefault(stage, []).append(value)
    return {stage: round(median(values), 3) for stage, values in found.items()}


def count_summary(
    totals: Totals,
    confusion: Confusions | None = None,
    reference: Mapping[str, tuple[float, float]] | None = None,
    nucleated_count: float | None = None,
    unanswered: Collection[str] = (),
) -> Summary:
    """The counts and the differential of a session.

    Without the confusion matrix it is quick enough for a live table; see `differential` for the arguments.
    """
    result = differential(totals.labels, totals.reviewed, confusion, reference, unanswered)
    return Summary(
        fields=totals.fields,
        frames=totals.frames,
        dropped=totals.dropped,
        counts={"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet},
        differential=tuple(map(_class_share, result.rows)),
        classified=result.classified,
        unclassified=result.unclassified,
        nucleated_red_cells=_nucleated(result, totals, nucleated_count),
        rejected=totals.rejected,
        skipped=totals.skipped,
        method=_method(confusion) if result.corrected else METHOD,
        unanswered=tuple(unanswered),
    )


def _method(confusion: Confusions | None) -> str:
    if confusion is None or not (confusion.verified or confusion.left_out):
        return METHOD_CORRECTED
    return METHOD_VERIFIED if confusion.verified else METHOD_ABROAD


def _class_share(row: ClassRow) -> ClassShare:
    return ClassShare(
        label=row.label,
        count=row.count,
        percent=_rounded(row.percent),
        ci_low=_rounded(row.ci_low),
        ci_high=_rounded(row.ci_high),
        estimate=_rounded(row.estimate),
        reference=row.reference,
        flag=row.flag,
    )


def _nucleated(result: Differential, totals: Totals, counted: float | None) -> NucleatedRedCells:
    low, high = result.erythroblasts_interval or (None, None)
    factor = result.white_count_factor
    return NucleatedRedCells(
        count=totals.labels.get(ERYTHROBLAST, 0),
        per_100_wbc=_rounded(result.erythroblasts_per_100),
        ci_low=_rounded(low),
        ci_high=_rounded(high),
        white_count_factor=_rounded(factor),
        counter=counted,
        corrected_white_count=None if counted is None or factor is None else _rounded(counted * factor),
    )


def _estimates(
    record: SessionRecord, counts: Mapping[str, int], fields: Sequence[FieldRecord], areas: Mapping[str, float]
) -> Estimates | None:
    """Counts per square millimetre and litre; None without a scale or a field."""
    um_per_px, uncertainty = _scale(record)
    if um_per_px is None or not fields:
        return None
    found = {"wbc": "estimate.white_factor", "platelet": "estimate.platelet_factor"}
    factors = {kind: number_set(record.settings, key) for kind, key in found.items()}
    known = {kind: factor for kind, factor in factors.items() if factor is not None}
    return estimates_of(counts, areas, um_per_px, uncertainty, known)


def _scale(record: SessionRecord) -> tuple[float | None, float]:
    """Micrometres a pixel, None without a calibration, and half the 95 % interval of that."""
    um_per_px = number_set(record.settings, "calibration.um_per_px")
    return um_per_px, number_set(record.settings, "calibration.um_per_px_uncertainty") or 0.0


def _reviewed(reader: Reader, totals: Totals) -> Reviewed:
    return Reviewed(
        cells=sum(totals.reviewed.values()),
        changed=reader.changed(totals.session),
        artefacts=totals.reviewed.get(ARTEFACT, 0),
        by=tuple(sorted({change.who for change in reader.relabels(totals.session)})),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _provenance(reader: Reader, record: SessionRecord, tallies: Mapping[str, int]) -> Provenance:
    return Provenance(
        model_name=record.model_name,
        model_sha256=record.model_sha256,
        settings_sha256=record.settings_sha256,
        settings=record.settings,
        settings_changed={
            name.removeprefix(SETTING_CHANGED): frames
            for name, frames in tallies.items()
            if name.startswith(SETTING_CHANGED)
        },
        versions=record.versions,
        database=str(reader.path),
        boot_id=record.boot_id,
        red_cell_px=record.red_cell_px,
        stain=record.stain,
        last_link=reader.last_link(record.id),
    )
