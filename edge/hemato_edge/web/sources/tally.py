"""The numbers of the count screen, from the store alone: what is not on disk is not shown."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemato_edge.labels import ERYTHROBLAST, PLATELET_LABEL, UNCLASSIFIED
from hemato_edge.site.record import confusions_of, line_of, unanswered_by
from hemato_edge.site.sessions import profile_of
from hemato_edge.views.report.build import count_summary
from hemato_edge.views.report.recorded import reference_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.store.records import SessionRecord, Totals
    from hemato_edge.views.report.model import ClassShare, Summary

INTERVALS_EVERY_S = 5.0
"""The intervals with the classifier's confusions cost hundreds of times the plain ones; so often they are made anew."""


@dataclass(frozen=True, slots=True)
class Key:
    """One of the tally's keys.

    Attributes:
        label: its class.
        count: cells.
        percent, low, high: with its 95 % interval; None where there is none.
        reference: interval, percent, or None.
        flag: "low", "high" or None.
    """

    label: str
    count: int
    percent: float | None = None
    low: float | None = None
    high: float | None = None
    reference: tuple[float, float] | None = None
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The count screen's numbers.

    Attributes:
        session: number; label and state beside it.
        keys: the white cells' classes, nucleated red cells, and what is in doubt.
        classified: white cells with a class.
        target: None for none.
        reached: percent of the target, 0 to 100.
        widest: half of the widest interval, in percent of the cells; None without any.
        stale: whether the intervals are of an earlier moment.
        verified: whether this microscope was verified, in words.
        profile: calibration profile that it is counted with; None for none.
    """

    session: int
    label: str
    state: str
    keys: tuple[Key, ...]
    classified: int
    doubtful: int
    target: int | None
    reached: int
    widest: float | None
    stale: bool
    fields: int
    frames: int
    rbc: int
    platelet: int
    rejected: Mapping[str, int]
    dropped: int
    verified: str
    profile: str | None = None


class Intervals:
    """The differential with its intervals, made anew only now and then. Safe from one thread at a time.

    A session whose model has a confusion matrix shows its corrected intervals or older ones, never the plain ones in
    turn.
    """

    def __init__(self) -> None:
        self._made: dict[int, tuple[float, object, tuple[ClassShare, ...]]] = {}

    def of(self, record: SessionRecord, totals: Totals) -> tuple[Summary, bool]:
        """The summary, and whether its intervals are older than its counts."""
        reference, unknown = reference_of(record.settings), unanswered_by(record, totals)
        if record.confusion is None:
            return count_summary(totals, None, reference, unanswered=unknown), False
        counted = (tuple(sorted(totals.labels.items())), tuple(sorted(totals.reviewed.items())))
        now = time.monotonic()
        made_s, of, rows = self._made.get(record.id, (float("-inf"), None, ()))
        if of != counted and now - made_s >= INTERVALS_EVERY_S:
            summary = count_summary(totals, confusions_of(record), reference, unanswered=unknown)
            self._made = {record.id: (now, counted, summary.differential)}
            return summary, False
        summary = count_summary(totals, None, reference, unanswered=unknown)
        old = {row.label: row for row in rows}
        return replace(summary, differential=tuple(_aged(row, old.get(row.label)) for row in summary.differential)), (
            of != counted
        )


def _aged(row: ClassShare, old: ClassShare | None) -> ClassShare:
    """The row with the interval and flag of an earlier moment, or with none."""
    if old is None:
        return replace(row, ci_low=None, ci_high=None, flag=None)
    return replace(row, ci_low=old.ci_low, ci_high=old.ci_high, flag=old.flag)


def tally_of(record: SessionRecord, totals: Totals, intervals: Intervals) -> Tally:
    """The numbers of one moment."""
    summary, stale = intervals.of(record, totals)
    keys = [
        Key(row.label, row.count, row.percent, row.ci_low, row.ci_high, row.reference, row.flag)
        for row in summary.differential
    ]
    keys += [Key(label, totals.labels.get(label, 0)) for label in (ERYTHROBLAST, UNCLASSIFIED, PLATELET_LABEL)]
    classified, target = summary.classified, record.target
    widths = [(key.high - key.low) / 2 for key in keys if key.low is not None and key.high is not None]
    return Tally(
        session=record.id,
        label=record.label,
        state=record.state,
        keys=tuple(keys),
        classified=classified,
        doubtful=summary.unclassified,
        target=target,
        reached=min(100, 100 * classified // target) if target else 0,
        widest=max(widths) if widths and classified else None,
        stale=stale,
        fields=totals.fields,
        frames=totals.frames,
        rbc=totals.rbc,
        platelet=totals.platelet,
        rejected=totals.rejected,
        dropped=totals.dropped,
        verified=line_of(record),
        profile=profile_of(record),
    )
