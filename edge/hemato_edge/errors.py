"""Every error that a user can meet: what happened, what to do next, and an exit code.

The command line prints `message` and `fix` on one line and exits with `exit_code`; no traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.credentials import without_secrets
from hemato_edge.escaped import on_one_line

if TYPE_CHECKING:
    from pathlib import Path


class HematoEdgeError(Exception):
    """Base of all errors. `fix` says what to do next; `exit_code` is the process's.

    Both texts are one line, without control characters and without passwords in addresses.
    """

    exit_code = 1

    def __init__(self, message: str, fix: str = "") -> None:
        self.message = on_one_line(without_secrets(message))
        self.fix = on_one_line(without_secrets(fix))
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()

    @property
    def family(self) -> str:
        """Name of the class directly below this one: all its subclasses share one exit code."""
        return next(
            (kind.__name__ for kind in type(self).__mro__ if HematoEdgeError in kind.__bases__),
            HematoEdgeError.__name__,
        )


class CameraError(HematoEdgeError):
    """The camera is missing, busy, not supported here, or it stopped giving frames."""

    exit_code = 3


class CameraFault(CameraError):
    """A definite fault of the camera: its reader hangs or has crashed, or its device is gone.

    `kind` is one of the values of `cameras.recovery.state.Fault`, so that it need not be parsed from the message.
    """

    def __init__(self, kind: str, message: str, fix: str = "") -> None:
        super().__init__(message, fix)
        self.kind = kind


class ModelError(HematoEdgeError):
    """No model, no card, a wrong hash or shape, or a failed golden check. Never a label without a verified model."""

    exit_code = 4


class StoreError(HematoEdgeError):
    """The database is damaged, too new, in use, read-only, or the disk is full; or `db check` found errors."""

    exit_code = 5


class FailingDiskError(StoreError):
    """The disk ends reads or writes of the database in an input/output error: of what it holds, nothing is told."""


class ConfigurationError(HematoEdgeError):
    """A setting is unknown, malformed or out of range."""

    exit_code = 6


class MissingExtraError(HematoEdgeError):
    """An extra is needed: `pip install 'hemato-edge[train]'`, or the one named in the message."""

    exit_code = 7


class ImageError(HematoEdgeError):
    """A picture cannot be read, or is of a kind that cannot be analysed.

    Attributes:
        file: its path, where several are read in turn; else None.
    """

    exit_code = 8
    file: Path | None = None


class DamagedImageError(ImageError):
    """The data of a picture are damaged or cut off: what a decoder makes of it is not what was seen."""


class DataError(HematoEdgeError):
    """A training set is missing, malformed, or has leakage between its splits."""

    exit_code = 9


class BenchError(HematoEdgeError):
    """`bench` cannot compare, draw or measure on this device."""

    exit_code = 13


class CalibrationError(HematoEdgeError):
    """Scale or stain cannot be estimated; or a calibration profile is missing, damaged or does not fit."""

    exit_code = 10


class OutletError(HematoEdgeError):
    """The metrics port is in use, or messages for the broker still wait after `mqtt send`."""

    exit_code = 11


class ServiceError(HematoEdgeError):
    """The service cannot be installed, removed or started; or `service status` finds that it does not run."""

    exit_code = 12


class ArchiveError(HematoEdgeError):
    """Archived pictures cannot be analysed again: nothing is there, other terms, or the cluster is out of reach."""

    exit_code = 14


class UpdateError(HematoEdgeError):
    """An update is damaged, not trusted, older, or fails its trial; the version in use stays or is put back."""

    exit_code = 15
