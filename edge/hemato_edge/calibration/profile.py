"""A calibration profile: the properties of one objective with one camera, as one JSON file."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from hemato_edge.aperture import Aperture
from hemato_edge.calibration.flat_field import MAX_GAIN, NODES, FlatFieldMap
from hemato_edge.rim_light import RimLight
from hemato_edge.site.parts import SitePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMAT = 3
"""Version of the file; higher ones come from a newer program and are refused. A profile without `mask` is still of
version 2, and one without `site`, too, of version 1, which older programs read."""

ControlValue = bool | int | float | str | list[float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class ScalePart(_Part):
    """Micrometres per pixel; see `calibration.scale.Scale`."""

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
        """The part that stores `measured`."""
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
            ValueError: the bytes do not match their hash or size, or the gains are impossible.
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
    """Locked exposure and white balance; names and values are the camera driver's own."""

    driver: str
    values: dict[str, ControlValue]
    not_locked: list[str] = []
    created: AwareDatetime


class RimPart(_Part):
    """How the light fades at a field's rim; see `rim_light.RimLight`."""

    middle: tuple[float, float]
    start_px: float
    shares: list[tuple[float, float, float]] = Field(min_length=1)
    stray: tuple[float, float, float]
    outline: list[tuple[float, float]] = []
    bounds: tuple[float, float, float, float] | None = None

    @staticmethod
    def of(light: RimLight | None) -> RimPart | None:
        """The part that stores it."""
        if light is None:
            return None
        return RimPart(
            middle=light.middle,
            start_px=light.start_px,
            shares=list(light.shares),
            stray=light.stray,
            outline=list(light.outline),
            bounds=light.bounds,
        )

    def light(self) -> RimLight:
        """What was stored."""
        return RimLight(self.middle, self.start_px, tuple(self.shares), self.stray, tuple(self.outline), self.bounds)


class MaskPart(_Part):
    """Which part of a frame is slide, and what covers it; each mask is a PNG in base64, white where it is hidden."""

    rectangle: tuple[int, int, int, int]
    kinds: list[str]
    hidden: str | None = None
    retreat_px: float = 0.0
    rim: RimPart | None = None
    overlay: str | None = None
    overlays_told: bool
    share: float
    frames: int
    created: AwareDatetime

    @staticmethod
    def of(
        outer: Aperture, overlay: NDArray[np.bool_] | None, *, told: bool, share: float, frames: int, created: datetime
    ) -> MaskPart:
        """The part that stores an aperture and an overlay, (h, w) bool over its rectangle."""
        return MaskPart(
            rectangle=outer.rectangle,
            kinds=list(outer.kinds),
            hidden=_drawn(outer.hidden),
            retreat_px=outer.retreat_px,
            rim=RimPart.of(outer.rim),
            overlay=_drawn(overlay),
            overlays_told=told,
            share=round(share, 4),
            frames=frames,
            created=created,
        )

    def aperture(self, frame_size: tuple[int, int]) -> Aperture:
        """Which part of a frame of that size is slide, ignoring overlays.

        Raises:
            ValueError: it does not fit.
        """
        rim = None if self.rim is None else self.rim.light()
        hidden, kinds = self._mask(self.hidden), tuple(self.kinds)
        return Aperture(frame_size, self.rectangle, hidden, None, kinds, self.retreat_px, rim)

    def overlay_mask(self) -> NDArray[np.bool_] | None:
        """(h, w) bool over its rectangle: the overlay on the slide; None for none."""
        return self._mask(self.overlay)

    def _mask(self, drawn: str | None) -> NDArray[np.bool_] | None:
        if drawn is None:
            return None
        content = np.frombuffer(base64.b64decode(drawn, validate=True), np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if len(content) else None
        x0, y0, x1, y1 = self.rectangle
        if picture is None or picture.shape != (y1 - y0, x1 - x0):
            msg = "its mask is no picture of its rectangle"
            raise ValueError(msg)
        return np.asarray(picture) > 127


class Profile(_Part):
    """Everything stored for one objective.

    Attributes:
        name: the file's name without its suffix.
        objective: the user's name for it; may be empty.
        frame_size: width and height of the calibration frames, pixels; the profile is valid for this size only.
        camera: SPEC or file it was made with.
        scale, flat_field, controls: None where not calibrated.
        mask: which part of a frame is slide; None where not calibrated.
        site: accuracy of the program on this microscope, and a head of its own; None if never verified.
    """

    format: int = 1
    name: str
    objective: str = ""
    frame_size: tuple[int, int]
    camera: str = ""
    scale: ScalePart | None = None
    flat_field: FlatFieldPart | None = None
    controls: ControlsPart | None = None
    mask: MaskPart | None = None
    site: SitePart | None = None

    def with_site(self, site: SitePart | None) -> Profile:
        """A copy with another `site`, in the format that this needs."""
        return self.with_parts({"site": site})

    def with_parts(self, parts: Mapping[str, object]) -> Profile:
        """A copy with other parts, by their names, in the oldest format that holds them."""
        changed = self.model_copy(update=dict(parts))
        oldest = FORMAT if changed.mask is not None else 1 if changed.site is None else 2
        return changed.model_copy(update={"format": oldest})

    @property
    def created(self) -> datetime:
        """When its newest part was made; 1970 without any."""
        parts = [part.created for part in (self.scale, self.flat_field, self.controls, self.mask) if part is not None]
        return max(parts) if parts else datetime.fromisoformat("1970-01-01T00:00:00+00:00")

    def session_section(self) -> dict[str, object]:
        """What a session records of it under `calibration`, in JSON types. Missing parts are None."""
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
            "mask": None if self.mask is None else {"kinds": self.mask.kinds, "slide_share": self.mask.share},
        }


def _drawn(mask: NDArray[np.bool_] | None) -> str | None:
    """A mask (h, w) bool as a PNG in base64; None for none."""
    if mask is None:
        return None
    return base64.b64encode(cv2.imencode(".png", mask.astype(np.uint8) * np.uint8(255))[1].tobytes()).decode()


def _plain(values: Mapping[str, ControlValue]) -> dict[str, object]:
    return {name: list(value) if isinstance(value, list) else value for name, value in values.items()}
