"""What may be asked at the door: one value a command, with its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hemato_edge.labels import REVIEW_LABELS

MAX_LABEL, MAX_NOTE, MAX_WHO, MAX_KEY = 200, 80, 80, 64
"""Characters of a text."""
MAX_PROFILE, MAX_VALUE, MAX_WORDING = 64, 500, 500
MAX_TARGET = 100_000
MAX_POINT = 10 * 16384
MAX_DISTANCE_NM = 10**9
MAX_NUMBER = 2**53 - 1
"""Whole numbers up to here are the same in every reader of JSON."""
WAITING, COUNTING, ENDING = "waiting", "counting", "ending"
"""What a run is doing: nothing is recorded yet; a session runs; it is being ended."""
DESCRIBED = ("label", "comment", "control")
"""What of a session a person may write."""
WIDTHS = (320, 480, 640, 960)
"""Long sides of a picture that may be asked for, pixels."""


@dataclass(frozen=True, slots=True)
class Command:
    """Base of all commands. `name` is what stands in the request; `changes` is whether it does more than tell."""

    name: ClassVar[str] = ""
    changes: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class State(Command):
    """What the run is doing."""

    name = "state"
    changes = False


@dataclass(frozen=True, slots=True)
class Picture(Command):
    """The next picture.

    Attributes:
        after: number of the last one that was seen; 0 for any.
        width: long side wanted, one of `WIDTHS`.
    """

    name = "frame"
    changes = False
    after: int = 0
    width: int = 640


@dataclass(frozen=True, slots=True)
class Start(Command):
    """Begin a session.

    Attributes:
        label: the person's name for the sample.
        target: white cells to count; 0 for no end.
    """

    name = "start"
    label: str = ""
    target: int = 0


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """End the session in order."""

    name = "stop"


@dataclass(frozen=True, slots=True)
class Note(Command):
    """Record `text` with the session, as a tally."""

    name = "note"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Relabel(Command):
    """A person calls a recorded cell `label`.

    Attributes:
        session, field, cell: which cell.
        label: one of `labels.REVIEW_LABELS`.
        who: the person.
        standing: what the person saw it called; with another name by now the change is refused. Empty: never refused.
    """

    name = "relabel"
    session: int = 0
    field: int = 0
    cell: int = 0
    label: str = ""
    who: str = ""
    standing: str = ""


@dataclass(frozen=True, slots=True)
class Undo(Command):
    """Take the session's last change of a label back."""

    name = "undo"
    session: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Approve(Command):
    """A person approves an ended session as it stands.

    Attributes:
        session: which.
        who: the person.
    """

    name = "approve"
    session: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Describe(Command):
    """Write a session's name, comment or control lot.

    Attributes:
        session: which; it may be the one that runs.
        what: one of `DESCRIBED`.
        wording: what it says from now on; empty for none.
        who: the person.
    """

    name = "describe"
    session: int = 0
    what: str = ""
    wording: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Reload(Command):
    """Read the settings anew."""

    name = "reload"


@dataclass(frozen=True, slots=True)
class Profiles(Command):
    """The calibration profiles that there are, and which is in use."""

    name = "profiles"
    changes = False


@dataclass(frozen=True, slots=True)
class UseProfile(Command):
    """Begin anew with another calibration profile; only while nothing is counted.

    Attributes:
        profile: its name; empty for none.
    """

    name = "profile"
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Verification(Command):
    """What a calibration profile keeps of the verification of its microscope.

    Attributes:
        profile: its name.
    """

    name = "verification"
    changes = False
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Verify(Command):
    """Verify a microscope by the cells that people named, and keep the figures in its calibration profile.

    Attributes:
        profile: its name; made if it is not there.
        unnamed: 1: by the sessions that name no profile, where none names this one.
    """

    name = "verify"
    profile: str = ""
    unnamed: int = 0


FLAT_FIELD, MICROMETER, MASK = "flat_field", "micrometer", "mask"
CALIBRATIONS = (FLAT_FIELD, MICROMETER, MASK)


@dataclass(frozen=True, slots=True)
class Calibrate(Command):
    """Measure one part of a calibration profile on the live pictures, and keep it; only while nothing is counted.

    Attributes:
        what: one of `CALIBRATIONS`.
        profile: its name; made if it is not there.
        objective: what the person calls it; empty leaves what is there.
        x1, y1, x2, y2: two points in the frame, tenths of a pixel; for the micrometer.
        distance_nm: how far they are apart in truth.
    """

    name = "calibrate"
    what: str = ""
    profile: str = ""
    objective: str = ""
    x1: int = 0
    y1: int = 0
    x2: int = 0
    y2: int = 0
    distance_nm: int = 0


@dataclass(frozen=True, slots=True)
class Settings(Command):
    """The settings that may be changed from another device, as the run has them."""

    name = "settings"
    changes = False


@dataclass(frozen=True, slots=True)
class Change(Command):
    """Set one of these settings in the run's configuration file.

    Attributes:
        setting: "section.name".
        value: as it is written in the environment; empty: its default.
    """

    name = "change"
    setting: str = ""
    value: str = ""


COMMANDS: dict[str, type[Command]] = {
    kind.name: kind
    for kind in (
        State,
        Picture,
        Start,
        Stop,
        Note,
        Relabel,
        Undo,
        Approve,
        Describe,
        Reload,
        Profiles,
        UseProfile,
        Verification,
        Verify,
        Calibrate,
        Settings,
        Change,
    )
}
LONGEST = {
    "label": MAX_LABEL,
    "text": MAX_NOTE,
    "who": MAX_WHO,
    "standing": MAX_LABEL,
    "profile": MAX_PROFILE,
    "objective": MAX_NOTE,
    "what": MAX_PROFILE,
    "setting": MAX_NOTE,
    "value": MAX_VALUE,
    "wording": MAX_WORDING,
}
"""Characters of a text, by its name."""
LARGEST = {"target": MAX_TARGET, "unnamed": 1, "distance_nm": MAX_DISTANCE_NM} | dict.fromkeys(
    ("x1", "y1", "x2", "y2"), MAX_POINT
)
"""Largest number, by its name; `MAX_NUMBER` where none stands here."""
WANTED: dict[type[Command], tuple[str, ...]] = {
    Note: ("text",),
    Relabel: ("who", "label"),
    Undo: ("who",),
    Approve: ("who",),
    Describe: ("who",),
    Verification: ("profile",),
    Verify: ("profile",),
    Calibrate: ("profile", "what"),
    Change: ("setting",),
}
"""Texts that must not be empty."""
ONE_OF: dict[type[Command], tuple[str, tuple[object, ...]]] = {
    Picture: ("width", WIDTHS),
    Relabel: ("label", REVIEW_LABELS),
    Calibrate: ("what", CALIBRATIONS),
    Describe: ("what", DESCRIBED),
}
"""Arguments that can only be one of a few."""
