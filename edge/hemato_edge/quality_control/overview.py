"""All that is known of a database's quality over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.quality_control.daily import DayAgreement, daily_agreement
from hemato_edge.quality_control.drift import Drift, drifts
from hemato_edge.quality_control.lots import FIRST_ONES, BaselineChoice, Lot, control_lots
from hemato_edge.site.sessions import profile_of

if TYPE_CHECKING:
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord


@dataclass(frozen=True, slots=True)
class Overview:
    """What `qc` shows.

    Attributes:
        lots: control slides, see `lots`.
        drifts: of the ordinary sessions, see `drift`.
        agreement: of the reviewers with the machine, see `daily`.
    """

    lots: tuple[Lot, ...]
    drifts: tuple[Drift, ...]
    agreement: tuple[DayAgreement, ...]


def overview(reader: Reader, name: str | None = None, baseline: BaselineChoice = FIRST_ONES) -> Overview:
    """The overview of a database; `name`: of this lot only."""
    return Overview(tuple(control_lots(reader, name, baseline)), tuple(drifts(reader)), tuple(daily_agreement(reader)))


def control_line(reader: Reader, record: SessionRecord) -> str:
    """What the control slides say of a session, in one line: of itself, or of the last one before it; "" for nothing.

    With the limits of each lot's first sessions.
    """
    lots = {session: lot for session, lot in reader.control_lots().items() if session <= record.id}
    if record.control:
        told = _state(reader, record.control, record)
        return told and f"Control slide of lot {record.control}: {told}."
    for session in reversed(lots):
        control = reader.session(session)
        if profile_of(control) == profile_of(record):
            told = _state(reader, lots[session], control)
            return told and f"Last control slide, session {session} of lot {lots[session]}: {told}."
    return ""


def _state(reader: Reader, lot: str, record: SessionRecord) -> str:
    """The state of a lot as of one of its sessions, with the rules that are broken then; "" while that runs."""
    for one in control_lots(reader, lot, until=record.id):
        if one.profile == profile_of(record) and record.id in one.sessions:
            return ", ".join([one.state, *one.broken])
    return ""
