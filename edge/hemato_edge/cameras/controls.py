"""Exposure and white balance that stand still: what a camera offers that can lock them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

ControlValues = dict[str, bool | int | float | str | list[float]]


@dataclass(frozen=True, slots=True)
class LockedControls:
    """What a camera holds still.

    Attributes:
        driver: "picamera2" or "v4l2": whose names and units the values have.
        values: control → value.
        not_locked: in words, what the driver did not take.
    """

    driver: str
    values: ControlValues
    not_locked: tuple[str, ...] = ()


@runtime_checkable
class LockableCamera(Protocol):
    """A camera whose exposure and white balance can be locked. Both are called after `open`, from the same thread."""

    driver: str

    def lock_controls(self, timeout_s: float) -> LockedControls:
        """Wait until exposure and white balance have settled, and hold them there.

        Raises:
            CameraError: if they do not settle in `timeout_s` seconds, or nothing can be locked.
        """

    def apply_controls(self, values: ControlValues, timeout_s: float) -> tuple[str, ...]:
        """Set what was locked before, and wait until it holds.

        Returns:
            in words, what the driver did not take.

        Raises:
            CameraError: if the driver refuses.
        """
