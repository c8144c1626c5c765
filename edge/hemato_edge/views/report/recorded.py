"""What a session's own record says for its report: its settings, its calibration, how it was verified, who counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from hemato_edge.labels import LEUKOCYTES
from hemato_edge.site.record import verification_of
from hemato_edge.store.recorded_settings import setting
from hemato_edge.views.report.areas import DIGITS
from hemato_edge.views.report.figure import Figure
from hemato_edge.views.report.model import Calibration, Letterhead, SessionHead, Verification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.store.records import SessionRecord


def letterhead_of(record: SessionRecord, given: Letterhead) -> Letterhead:
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


def reference_of(settings: Mapping[str, object]) -> dict[str, tuple[float, float]]:
    """The reference intervals that a session was recorded with, label → percent; none where it has none."""
    found = {label: setting(settings, f"reference.{label}") for label in LEUKOCYTES}
    return {
        label: (float(ends[0]), float(ends[1]))
        for label, ends in found.items()
        if isinstance(ends, (list, tuple)) and len(ends) == 2 and all(isinstance(end, (int, float)) for end in ends)
    }


def verification_part(record: SessionRecord) -> Verification | None:
    """How right the program was on this microscope; None where that was never verified."""
    found = verification_of(record)
    if found is None:
        return None
    low, value, high = (
        None if share is None else round(100 * share, DIGITS)
        for share in (found.right.low, found.right.value, found.right.high)
    )
    right = None if low is None or value is None else Figure(low, value, high)
    return Verification(found.cells, found.created, right)


def calibration_of(record: SessionRecord) -> Calibration | None:
    """The profile that the session was recorded with; None without one."""
    found = {name: setting(record.settings, f"calibration.{name}") for name in Calibration.__dataclass_fields__}
    return None if found["profile"] is None else Calibration(**cast("dict[str, str]", found))  # type: ignore[arg-type]
