"""Selection of the recorded sessions of one microscope: those with its profile, and the same model and head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hemato_edge.errors import CalibrationError
from hemato_edge.site.record import head_sha256_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hemato_edge.store.records import SessionRecord


def sessions_of_site(
    records: Sequence[SessionRecord], profile: str, wanted: Collection[int]
) -> tuple[list[SessionRecord], list[SessionRecord]]:
    """The sessions to use, and those left out because another model or head classified them.

    Args:
        records: all sessions of a database.
        profile: name of the calibration profile.
        wanted: numbers of sessions; empty for all that were recorded with the profile.

    Raises:
        CalibrationError: there is none, or one that is wanted was recorded with another profile.
    """
    chosen = [record for record in records if record.id in wanted or (not wanted and profile_of(record) == profile)]
    missing = sorted(set(wanted) - {record.id for record in chosen})
    if missing or not chosen:
        which = f"session {missing[0]}" if missing else f"session that was recorded with the profile {profile}"
        raise CalibrationError(
            f"There is no {which}.",
            f"Record one with `hemato-edge run --profile {profile}`, or name this microscope's with --session.",
        )
    foreign = [record for record in chosen if profile_of(record) not in (None, profile)]
    if foreign:
        raise CalibrationError(
            f"Session {foreign[0].id} was recorded with the profile {profile_of(foreign[0])}, not {profile}.",
            "Verify each microscope under its own profile.",
        )
    newest = chosen[-1]
    same = [record for record in chosen if what_answered(record) == what_answered(newest)]
    return same, [record for record in chosen if record not in same]


def profile_of(record: SessionRecord) -> str | None:
    """The calibration profile that a session was recorded with; None without one."""
    section = record.settings.get("calibration")
    name = section.get("profile") if isinstance(section, Mapping) else record.settings.get("calibration.profile")
    return name if isinstance(name, str) else None


def what_answered(record: SessionRecord) -> tuple[str, str | None]:
    """The hashes of the classifier and of the site's own head; None without one."""
    return record.model_sha256, head_sha256_of(record)
