"""A calibration profile: what one objective with one camera is like, as one JSON file."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from hemato_edge.calibration.flat_field import MAX_GAIN, NODES, FlatFieldMap
from hemato_edge.site.parts import SitePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMAT = 2
"""Version of the file; a higher one comes from a newer program and is refused. A profile without a `site` is still of
the first, which older programs read."""

ControlValue = bool | int | float | str | list[float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ScalePart(_Part):
    """Micrometres a pixel; see `calibration.scale.Scale`."""

    um_per_px: float = Field(gt=0, lt=100)
    um_per_px_uncertainty: float = Field(gt=0)
    method: str
    source: str
    created: AwareDatetime


class FlatFieldPart(_Part):
    """The gain map: `NODES` × 3 little-endian float32, base64, and the hash of these bytes."""

    rows: int
    columns: int
    gain: str
    sha256: str
    frames: int
    rest: float
    created: AwareDatetime

    @staticmethod
    def of(measured: FlatFieldMap, created: datetime) -> FlatFieldPart:
        """The part that keeps `measured`."""
        content = measured.gain.astype("<f4").tobytes()
        return FlatFieldPart(
            rows=NODES[0],
            columns=NODES[1],
            gain=base64.b64encode(content).decode(),
            sha256=hashlib.sha256(content).hexdigest(),
            frames=measured.frames,
            rest=round(measured.rest, 6),
            created=created,
        )

    @field_validator("gain")
    @classmethod
    def _is_base64(cls, value: str) -> str:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            msg = "the map is no base64"
            raise ValueError(msg) from error
        return value

    def map(self) -> NDArray[np.float32]:
        """(rows, columns, 3) float32.

        Raises:
            ValueError: if the bytes are not those that were written.
        """
        content = base64.b64decode(self.gain)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            msg = "its flat field was changed: the hash does not match"
            raise ValueError(msg)
        if len(content) != self.rows * self.columns * 12:
            msg = f"its flat field has {len(content)} bytes, not {self.rows * self.columns * 12}"
            raise ValueError(msg)
        gain = np.frombuffer(content, "<f4").reshape(self.rows, self.columns, 3).astype(np.float32)
        if not (np.isfinite(gain).all() and gain.min() > 0.9 and gain.max() <= MAX_GAIN * 1.01):
            msg = "its flat field has impossible gains"
            raise ValueError(msg)
        return gain


class ControlsPart(_Part):
    """Exposure and white balance as they were locked; names and values are the camera driver's own."""

    driver: str
    values: dict[str, ControlValue]
    not_locked: list[str] = []
    created: AwareDatetime


class Profile(_Part):
    """What is kept of one objective.

    Attributes:
        name: the file's name without its ending.
        objective: as the person calls it; may be empty.
        frame_size: width and height of the frames it was made with, pixels: it holds for no other size.
        camera: SPEC or file it was made with.
        scale, flat_field, controls: what was calibrated; None where it was not.
        site: how right the program is behind it, and a head of its own; None where it was never verified.
    """

    format: int = 1
    name: str
    objective: str = ""
    frame_size: tuple[int, int]
    camera: str = ""
    scale: ScalePart | None = None
    flat_field: FlatFieldPart | None = None
    controls: ControlsPart | None = None
    site: SitePart | None = None

    def with_site(self, site: SitePart | None) -> Profile:
        """The same with another `site`, in the format that this needs."""
        return self.model_copy(update={"site": site, "format": 1 if site is None else FORMAT})

    @property
    def created(self) -> datetime:
        """When its newest part was made."""
        parts = [part.created for part in (self.scale, self.flat_field, self.controls) if part is not None]
        return max(parts) if parts else datetime.fromisoformat("1970-01-01T00:00:00+00:00")

    def session_section(self) -> dict[str, object]:
        """What a session records of it, under `calibration`; JSON's types. Missing parts are None."""
        scale, flat, controls = self.scale, self.flat_field, self.controls
        return {
            "profile": self.name,
            "objective": self.objective,
            "created": self.created.isoformat(),
            "frame_size": list(self.frame_size),
            "um_per_px": None if scale is None else scale.um_per_px,
            "um_per_px_uncertainty": None if scale is None else scale.um_per_px_uncertainty,
            "method": None if scale is None else scale.method,
            "source": None if scale is None else scale.source,
            "flat_field_sha256": None if flat is None else flat.sha256,
            "controls": None if controls is None else _plain(controls.values),
        }


def _plain(values: Mapping[str, ControlValue]) -> dict[str, object]:
    return {name: list(value) if isinstance(value, list) else value for name, value in values.items()}
