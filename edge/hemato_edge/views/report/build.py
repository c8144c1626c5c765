"""The report of a session, made from what its database holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, cast

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.counting.differential import differential
from hemato_edge.counting.rejection import uneven_rejection
from hemato_edge.labels import (
    ARTEFACT,
    CLASSIFIER_LABELS,
    ERYTHROBLAST,
    LEUKOCYTES,
    PLATELET_LABEL,
    UNCLASSIFIED,
)
from hemato_edge.site.record import adaptation_of, confusions_of, line_of, verification_of
from hemato_edge.store.records import SETTING_CHANGED
from hemato_edge.views.report.areas import DIGITS, areas_of, estimates_of, per_field, white_per_1000_red
from hemato_edge.views.report.clock import clock_set
from hemato_edge.views.report.field_of_view import field_of_view_line
from hemato_edge.views.report.incidents import camera_summary, tracking_summary
from hemato_edge.views.report.model import (
    METHOD,
    METHOD_ABROAD,
    METHOD_CORRECTED,
    METHOD_VERIFIED,
    NO_SCALE,
    ROUGH,
    Calibration,
    ClassShare,
    Estimates,
    Figure,
    Letterhead,
    NucleatedRedCells,
    Provenance,
    Report,
    Reviewed,
    SessionHead,
    Summary,
    Verification,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
) -> Report:
    """The report of a session, the last one for None.

    Args:
        reader: of the database.
        session: its number.
        nucleated_count: what a counter that takes nucleated red cells for white ones gave, in any unit; the report then
            has its white count corrected.
        letterhead: what the laboratory prints on its reports; what the session was recorded with stands over it.

    Raises:
        StoreError: there is no such session, or the database cannot be read.
    """
    record = reader.session(session)
    totals = reader.totals(record.id)
    unanswered = () if _all_named(totals) else unanswered_by(record)
    reference = reference_of(record.settings)
    summary = count_summary(totals, confusions_of(record), reference, nucleated_count, unanswered)
    tallies = reader.tallies(record.id)
    fields = list(reader.fields(record.id))
    areas = areas_of(fields, tallies)
    estimates = _estimates(record, summary.counts, fields, areas)
    return Report(
        **{name: getattr(summary, name) for name in Summary.__dataclass_fields__},
        session=session_head(record),
        per_field=per_field(summary.counts, fields, areas),
        white_per_1000_red=white_per_1000_red(summary.counts, areas),
        estimates=estimates,
        estimates_note=NO_SCALE if estimates is None else ROUGH,
        reviewed=_reviewed(reader, totals),
        calibration=_calibration(record),
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
        letterhead=_letterhead(record, letterhead or Letterhead()),
        verification=_verification(record),
        verified=line_of(record),
        adapted=adaptation_of(record),
    )


def unanswered_by(record: SessionRecord) -> tuple[str, ...]:
    """The classes that a session's model does not know: it has no such answer, or never gave it to a held-out cell.

    A class of which there were no held-out cells, but which was answered, is known.
    """
    answers = record.classifier_labels
    unknown = {label for label in CLASSIFIER_LABELS if label not in answers}
    if record.confusion is not None:
        for index, label in enumerate(answers):
            if not sum(record.confusion[index]) and not sum(row[index] for row in record.confusion):
                unknown.add(label)
    return tuple(label for label in CLASSIFIER_LABELS if label in unknown and label != PLATELET_LABEL)


def _all_named(totals: Totals) -> bool:
    """Whether a person has named every judged cell."""
    return bool(totals.reviewed) and all(totals.reviewed.get(label, 0) == n for label, n in totals.labels.items() if n)


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


def _letterhead(record: SessionRecord, given: Letterhead) -> Letterhead:
    """What the session was recorded with, else what is set now."""
    recorded = {name: setting(record.settings, f"report.{name}") for name in ("operator", "comment")}
    recorded["comment"] = record.comment or recorded["comment"]
    return replace(given, **{name: str(text) for name, text in recorded.items() if text})


def session_head(record: SessionRecord) -> SessionHead:
    """What identifies a session."""
    return SessionHead(
        id=record.id,
        label=record.label,
        state=record.state,
        ended_because=record.ended_because,
        camera=record.camera,
        target=record.target,
        started_utc=record.started_utc,
        ended_utc=record.ended_utc,
    )


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


def setting(settings: Mapping[str, object], key: str) -> object | None:
    """A recorded setting such as "reference.neutrophil", however the session nested it; None where it is not there."""
    if key in settings:
        return settings[key]
    section, _, name = key.partition(".")
    found = settings.get(section)
    return found.get(name) if isinstance(found, Mapping) else None


def number_set(settings: Mapping[str, object], key: str) -> float | None:
    """The same where it is a number, else None."""
    found = setting(settings, key)
    return float(found) if isinstance(found, (int, float)) else None


def reference_of(settings: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    """The reference intervals that a session was recorded with, label → percent; none where it has none."""
    found = {label: setting(settings, f"reference.{label}") for label in LEUKOCYTES}
    return {
        label: (float(ends[0]), float(ends[1]))
        for label, ends in found.items()
        if isinstance(ends, (list, tuple)) and len(ends) == 2
    }


def _method(confusion: Confusions | None) -> str:
    if confusion is None or not (confusion.here or confusion.abroad):
        return METHOD_CORRECTED
    return METHOD_VERIFIED if confusion.here else METHOD_ABROAD


def _verification(record: SessionRecord) -> Verification | None:
    found = verification_of(record)
    if found is None:
        return None
    low, value, high = (
        None if share is None else round(100 * share, DIGITS)
        for share in (found.right.low, found.right.value, found.right.high)
    )
    right = None if low is None or value is None else Figure(low, value, high)
    return Verification(found.cells, found.created, right)


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
    um_per_px = number_set(record.settings, "calibration.um_per_px")
    if um_per_px is None or not fields:
        return None
    found = {"wbc": "estimate.white_factor", "platelet": "estimate.platelet_factor"}
    factors = {kind: number_set(record.settings, key) for kind, key in found.items()}
    known = {kind: factor for kind, factor in factors.items() if factor is not None}
    uncertainty = number_set(record.settings, "calibration.um_per_px_uncertainty") or 0.0
    return estimates_of(counts, areas, um_per_px, uncertainty, known)


def _reviewed(reader: Reader, totals: Totals) -> Reviewed:
    return Reviewed(
        cells=sum(totals.reviewed.values()),
        changed=reader.changed(totals.session),
        artefacts=totals.reviewed.get(ARTEFACT, 0),
        by=tuple(sorted({change.who for change in reader.relabels(totals.session)})),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _calibration(record: SessionRecord) -> Calibration | None:
    """The profile that the session was recorded with; None without one."""
    found = {name: setting(record.settings, f"calibration.{name}") for name in Calibration.__dataclass_fields__}
    return None if found["profile"] is None else Calibration(**cast("dict[str, str]", found))  # type: ignore[arg-type]


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
