"""What a probe found: a verdict, a sentence, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(str, Enum):
    """PASS: good. WARN: works, but not well or not for long. FAIL: does not work. SKIP: cannot be asked here."""

    PASS = "PASS"  # noqa: S105 -- a verdict, no secret
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        probe: which probe, "disk".
        status: the verdict.
        said: what was found, one line.
        fix: what to type or to do; "" where nothing is wrong.
    """

    probe: str
    status: Status
    said: str
    fix: str = ""

    def __post_init__(self) -> None:
        if self.status in (Status.WARN, Status.FAIL) and not self.fix:
            msg = f"{self.probe}: a {self.status.value} needs a fix"
            raise ValueError(msg)


def passed(probe: str, said: str) -> Finding:
    """All is well."""
    return Finding(probe, Status.PASS, said)


def warned(probe: str, said: str, fix: str) -> Finding:
    """It works, but not well or not for long."""
    return Finding(probe, Status.WARN, said, fix)


def failed(probe: str, said: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(probe, Status.FAIL, said, fix)


def skipped(probe: str, said: str) -> Finding:
    """It cannot be asked here, and why."""
    return Finding(probe, Status.SKIP, said)
