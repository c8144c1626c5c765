"""Locking exposure and white balance: the interface of cameras that can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

ControlValues = dict[str, bool | int | float | str | list[float]]


@dataclass(frozen=True, slots=True)
class LockedControls:
    """The controls that a camera has locked.

    Attributes:
        driver: "picamera2" or "v4l2": defines names and units of the values.
        values: control → value.
        not_locked: what the driver refused, in words.
    """

    driver: str
    values: ControlValues
    not_locked: tuple[str, ...] = ()


@runtime_checkable
class LockableCamera(Protocol):
    """A camera that can lock exposure and white balance. Both methods are called after `open`, from the same thread."""

    driver: str

    def lock_controls(self, timeout_s: float) -> LockedControls:
        """Wait until exposure and white balance have settled, and lock them.

        Raises:
            CameraError: they do not settle in `timeout_s` seconds, or nothing can be locked.
        """

    def apply_controls(self, values: ControlValues, timeout_s: float) -> tuple[str, ...]:
        """Apply values locked earlier, and wait until they are in effect.

        Returns:
            what the driver refused, in words.

        Raises:
            CameraError: the driver failed.
        """
