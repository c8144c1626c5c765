"""Does what is asked for at the door about the microscope: its calibration profiles, their parts, verification."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from hemato_edge.calibration.flat_field import FlatField
from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.door.commands import FLAT_FIELD, MASK, MICROMETER
from hemato_edge.door.messages import Answer, DoorError
from hemato_edge.errors import CalibrationError, CameraError, ConfigurationError
from hemato_edge.pipeline.commands.calibration import Taken, flat_field_part, keep, mask_part, two_points_part
from hemato_edge.pipeline.commands.verification import verify_microscope
from hemato_edge.site.record import fitting_head, holding
from hemato_edge.site.sessions import profile_of, sessions_of_site
from hemato_edge.site.verified_line import verification_line
from hemato_edge.store.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hemato_edge.calibration.profile import Profile
    from hemato_edge.door.commands import Calibrate, Command, UseProfile, Verification, Verify
    from hemato_edge.pipeline.running.standby import Standby
    from hemato_edge.pipeline.running.viewfinder import Viewfinder
    from hemato_edge.settings.model import CalibrationSettings
    from hemato_edge.values import Image

FRAMES = {FLAT_FIELD: (12, 0.4), MICROMETER: (3, 0.1), MASK: (24, 0.3)}
"""What is calibrated → pictures that are taken for it, and seconds between two."""
_NOT_NOW = "not_now"


class MicroscopeCommands:
    """Answers for one run. Its methods are called in the door's threads.

    Args:
        database: whose sessions verify.
        calibration: where profiles are, and which the run works with.
        model_sha256: of the classifier that answers.
        viewfinder: what the run shows; calibrations are measured on it.
        attending: what holds the run before its session; None for a run that counts at once.
        remember: keeps the choice of a profile for the next run.
    """

    def __init__(
        self,
        database: Path,
        calibration: CalibrationSettings,
        model_sha256: str,
        viewfinder: Viewfinder,
        attending: Standby | None,
        remember: Callable[[str | None], None],
    ) -> None:
        self._database = database
        self._folder = ProfileFolder(calibration.folder)
        self._used = calibration.profile
        self._model_sha256 = model_sha256
        self._viewfinder = viewfinder
        self._attending = attending
        self._remember = remember

    @property
    def answers(self) -> Mapping[str, Callable[[Command], Answer]]:
        """Command → what does it, for `door.server.Door`."""
        return {
            "profiles": lambda _: Answer(self._profiles()),
            "profile": lambda command: self._use(cast("UseProfile", command)),
            "verification": lambda command: self._verification(cast("Verification", command)),
            "verify": lambda command: self._verify(cast("Verify", command)),
            "calibrate": lambda command: self._calibrate(cast("Calibrate", command)),
        }

    def _profiles(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        for name in self._folder.names():
            try:
                rows.append(self._told(self._folder.load(name)))
            except CalibrationError as error:
                rows.append({"name": name, "fault": error.message})
        return {"used": self._used, "profiles": rows}

    def _told(self, profile: Profile) -> dict[str, Any]:
        """What a person needs to know to choose it."""
        scale, site = profile.scale, profile.site
        calibrated = any((scale, profile.flat_field, profile.mask, profile.controls))
        found = holding(site, self._model_sha256, fitting_head(site, self._model_sha256))
        return {
            "name": profile.name,
            "objective": profile.objective,
            "created": profile.created.isoformat() if calibrated else "",
            "frame_size": list(profile.frame_size),
            "um_per_px": None if scale is None else scale.um_per_px,
            "um_per_px_uncertainty": None if scale is None else scale.um_per_px_uncertainty,
            "scale_by": None if scale is None else scale.method,
            "flat_field": profile.flat_field is not None,
            "mask": None if profile.mask is None else profile.mask.share,
            "controls": profile.controls is not None,
            "verified": verification_line(found),
            "fault": "",
        }

    def _use(self, command: UseProfile) -> Answer:
        attending = self._held("Another profile needs the camera to be opened anew.")
        name = command.profile or None
        if name is not None:
            self._folder.load(name)  # a damaged one is refused before the run is ended for it
        kept = True
        try:
            self._remember(name)
        except ConfigurationError:  # it may not be written there; the choice holds for the next session alone
            kept = False
        attending.renew(name)
        return Answer({"profile": name, "kept": kept})

    def _verification(self, command: Verification) -> Answer:
        if not self._folder.exists(command.profile):
            return Answer({"profile": command.profile, "line": verification_line(None)})
        return Answer(_figures(self._folder.load(command.profile)))

    def _verify(self, command: Verify) -> Answer:
        with Reader(self._database) as reader:
            records = reader.sessions()
            wanted = [record.id for record in records if profile_of(record) is None] if command.unnamed else []
            chosen, _ = sessions_of_site(records, command.profile, wanted)
            profile = verify_microscope(reader, chosen, self._folder, command.profile)
        if self._attending is not None and self._attending.waiting and command.profile == self._used:
            self._attending.renew(self._used)  # the next session is to be recorded under it
        return Answer(_figures(profile))

    def _calibrate(self, command: Calibrate) -> Answer:
        self._held("Calibrate before a session is started.")
        taken = self._taken(*FRAMES[command.what])
        old = self._folder.load(command.profile) if self._folder.exists(command.profile) else None
        if command.what == FLAT_FIELD:
            part: Any = flat_field_part(taken)
        elif command.what == MASK:
            known = None if old is None else old.flat_field
            flat = None if known is None or old is None else FlatField(known.map(), old.frame_size)
            part = mask_part(taken, flat)
        else:
            points = (command.x1 / 10, command.y1 / 10), (command.x2 / 10, command.y2 / 10)
            part = two_points_part(taken, *points, command.distance_nm / 1000)
        profile = keep(self._folder, command.profile, taken, part, objective=command.objective or None, replace=False)
        return Answer(self._told(profile))

    def _taken(self, count: int, pause_s: float) -> Taken:
        """The next live pictures, some time apart."""
        images: list[Image] = []
        after = 0
        while len(images) < count:
            sight = self._viewfinder.wait(after)
            if sight is None:
                raise CameraError("The camera gives no new picture.", "Look at its cable, and try again.")
            images.append(sight.frame.image)
            source, after = sight.frame.source, sight.seq
            time.sleep(pause_s)
        return Taken(images, source)

    def _held(self, why: str) -> Standby:
        if self._attending is None or not self._attending.waiting:
            raise DoorError(f"A session is being counted. {why}", "Stop it first.", _NOT_NOW)
        return self._attending


def _figures(profile: Profile) -> dict[str, Any]:
    """What a profile keeps of its site, without the weights of its head; JSON's types."""
    site = profile.site
    whole = {} if site is None else site.model_dump(mode="json", exclude={"head": {"weights"}})
    line = verification_line(None if site is None else site.verification)
    return {"profile": profile.name, "line": line, **whole}
