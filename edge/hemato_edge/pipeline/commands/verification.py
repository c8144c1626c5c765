"""Verifying a microscope: its figures are reckoned from the named cells and kept in its calibration profile."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.calibration.profile import Profile
from hemato_edge.errors import CalibrationError
from hemato_edge.site.cells import site_cells
from hemato_edge.site.parts import SitePart
from hemato_edge.site.record import head_sha256_of
from hemato_edge.site.verification import shortfall, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.site.parts import Verification
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord


def verify_microscope(reader: Reader, records: Sequence[SessionRecord], folder: ProfileFolder, name: str) -> Profile:
    """Keep in the profile `name` how right the program was in these sessions; the profile as it then is.

    Args:
        reader: of the database.
        records: sessions of this microscope, answered by one model and head.
        folder: where profiles are.
        name: of the profile; made if it is not there.

    Raises:
        CalibrationError: too few cells are named, or the profile cannot be read or written.
    """
    judged = site_cells(reader, [record.id for record in records])
    newest = records[-1]
    kept = profile_for(reader, newest, folder, name)
    lacking = shortfall(judged)
    if lacking is not None:
        raise CalibrationError(
            f"The microscope is not verified: {lacking}.",
            f"Name more with `hemato-edge site verify --ask --profile {name}`.",
        )
    now = datetime.now(timezone.utc).replace(microsecond=0)
    found = verify(judged, newest.model_sha256, head_sha256_of(newest), now)
    folder.save(kept.with_site(with_verification(kept.site, found)))
    return folder.load(name)


def profile_for(reader: Reader, record: SessionRecord, folder: ProfileFolder, name: str) -> Profile:
    """The profile on disk, or a new one for frames as the session has them."""
    if folder.exists(name):
        return folder.load(name)
    first = next(reader.fields(record.id))
    return Profile(name=name, frame_size=(first.width, first.height), camera=record.camera)


def with_verification(site: SitePart | None, found: Verification) -> SitePart:
    """The part with a new verification; one of the shipped answers is kept apart while a head is in use."""
    head = None if site is None else site.head
    if head is None:
        return SitePart(verification=found)
    if found.head_sha256 == head.sha256:
        return SitePart(verification=found, shipped=None if site is None else site.shipped, head=head)
    return SitePart(verification=None if site is None else site.verification, shipped=found, head=head)
