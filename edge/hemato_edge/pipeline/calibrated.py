"""A calibration profile at work in a session: even light, the right scale, and doubt where the cells contradict it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hemato_edge.calibration.flat_field import FlatField
from hemato_edge.calibration.scale import contradiction
from hemato_edge.cameras.calibrated import PreparedCamera

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.calibration.profile import Profile
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.settings import CameraSettings
    from hemato_edge.values import Frame

SCALE_CONTRADICTS_PROFILE = "scale_contradicts_profile"
"""Name of the warning that the red cells are too large or too small for the profile's scale."""
OTHER_SIZE = "other_size"
"""Reject reason of a frame of another size than the profile's: its scale and its light are not known."""
LOOKS_TO_DOUBT = 5
"""Fields whose red cells were measured, before the scale may be doubted."""
_CONTROLS_S = 3.0


class SessionCalibration:
    """What a session does with its profile.

    Args:
        profile: read from disk.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.camera: PreparedCamera | None = None
        self.doubt: str | None = None
        flat = profile.flat_field
        self._flat = None if flat is None else FlatField(flat.map(), profile.frame_size)

    def fits(self, frame: Frame) -> bool:
        """Whether a frame has the size that the profile was made with."""
        return frame.image.shape[1::-1] == self.profile.frame_size

    def corrected(self, frame: Frame) -> Frame:
        """The frame under even light; the same one if the profile has no flat field. It must fit."""
        return frame if self._flat is None else replace(frame, image=self._flat.apply(frame.image))

    @property
    def known_mask(self) -> tuple[Aperture, NDArray[np.bool_] | None] | None:
        """What of a frame is slide, and what lies over it, as the profile knows it; None where it does not."""
        mask = self.profile.mask
        return None if mask is None else (mask.aperture(self.profile.frame_size), mask.overlay_mask())

    def compare(self, red_cell_px: float | None, looks: int) -> str | None:
        """The name of the warning if the session's red cells contradict the scale; `doubt` then says why.

        Args:
            red_cell_px: median diameter so far, from red cells only.
            looks: fields it rests on.
        """
        scale = self.profile.scale
        if scale is not None and red_cell_px is not None and looks >= LOOKS_TO_DOUBT:
            self.doubt = contradiction(scale.um_per_px, scale.um_per_px_uncertainty, red_cell_px)
        return SCALE_CONTRADICTS_PROFILE if self.doubt else None

    def prepared(self, camera: Camera, open_timeout_s: float) -> PreparedCamera:
        """The camera with the profile's exposure and white balance, refused if its frames are of another size."""
        controls = self.profile.controls
        driver, values = (None, None) if controls is None else (controls.driver, dict(controls.values))
        timeout_s = min(_CONTROLS_S, open_timeout_s / 3)
        self.camera = PreparedCamera(camera, self.profile.frame_size, driver, values, open_timeout_s, timeout_s)
        return self.camera

    def session_section(self) -> dict[str, object]:
        """What the session's record says of its calibration; call it once the camera is open."""
        section = self.profile.session_section()
        section["controls_state"] = "none" if self.camera is None else self.camera.state
        section["controls_not_applied"] = [] if self.camera is None else list(self.camera.not_applied)
        return section


def sized_like(settings: CameraSettings, profile: Profile) -> CameraSettings:
    """Camera settings that ask for the profile's frame size, unless a person asked for another."""
    width, height = profile.frame_size
    return settings.model_copy(update={"width": settings.width or width, "height": settings.height or height})
