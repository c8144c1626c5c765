"""Calibrating: frames from pictures or a camera, measured, as a part of a profile."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.calibration.flat_field import FlatField, measure_flat_field
from hemato_edge.calibration.micrometer import measure_micrometer
from hemato_edge.calibration.profile import ControlsPart, FlatFieldPart, MaskPart, Profile, ScalePart
from hemato_edge.calibration.scale import MICROMETER, scale_from_red_cells, scale_from_rulings, scale_from_two_points
from hemato_edge.cameras.camera import EndOfFrames, OpenCamera
from hemato_edge.cameras.controls import LockableCamera
from hemato_edge.cameras.drivers.files import FilesCamera
from hemato_edge.cameras.drivers.opencv import CaptureCamera
from hemato_edge.cameras.picture_files import read_picture
from hemato_edge.errors import CalibrationError, CameraError
from hemato_edge.pipeline.field_mask import UNTOLD_WORDS, FieldMask
from hemato_edge.values import Frame
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.calibration.scale import Scale
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.values import Image

LIVE_PAUSE_S = 0.4
"""Between two frames of a live camera: the stage is to have moved."""
WALK_FRAMES = 12
"""Frames of a video or the demo from one that is taken to the next."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Frames to calibrate on.

    Attributes:
        images: (H, W, 3) uint8 BGR each, all of one size.
        source: the camera's name or the first file's.
    """

    images: list[Image]
    source: str

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        height, width = self.images[0].shape[:2]
        return width, height


def take_pictures(paths: Sequence[Path]) -> Taken:
    """Pictures from files, grey ones too.

    Raises:
        ImageError: if one cannot be read.
        CalibrationError: if they are of different sizes.
    """
    return _of_one_size([read_picture(path, colour=False) for path in paths], str(paths[0]))


def any_colour(camera: Camera) -> Camera:
    """The camera, made to accept grey frames: glass and micrometers have no stain."""
    if isinstance(camera, (CaptureCamera, FilesCamera)):
        camera.colour = False
    return camera


def take_frames(camera: Camera, count: int, timeout_s: float) -> Taken:
    """Up to `count` frames of a camera that is not open yet, some time apart.

    Raises:
        CameraError: as the camera's own, or if no frame came.
        CalibrationError: if they are of different sizes.
    """
    images: list[Image] = []
    with OpenCamera(camera):
        while len(images) < count:
            try:
                frame = camera.read(timeout_s)
                images.append(frame.image)
                if camera.live:
                    until = time.monotonic() + LIVE_PAUSE_S
                    while time.monotonic() < until:
                        camera.read(timeout_s)
                elif not frame.independent:
                    for _ in range(WALK_FRAMES - 1):
                        camera.read(timeout_s)
            except EndOfFrames:
                break
    if not images:
        raise CameraError(f"{camera.name} gave no frame.", "Check it with `hemato-edge run`.")
    return _of_one_size(images, camera.name)


def _of_one_size(images: list[Image], source: str) -> Taken:
    if len({image.shape for image in images}) > 1:
        raise CalibrationError(
            "The pictures are of different sizes, so of different scales.", "Give pictures of one camera and one size."
        )
    return Taken(images, source)


def micrometer_part(taken: Taken, division_um: float, failed: Callable[[int, CalibrationError], None]) -> ScalePart:
    """The scale by a stage micrometer.

    Args:
        taken: the pictures.
        division_um: width of the smallest division.
        failed: called with number and reason of a picture in which none is visible, where others show one.

    Raises:
        CalibrationError: if no picture shows a regular scale, or they disagree.
    """
    rulings, refused = [], []
    for number, image in enumerate(taken.images):
        try:
            rulings.append(measure_micrometer(image))
        except CalibrationError as error:
            refused.append((number, error))
    if not rulings:
        raise refused[0][1]
    for number, refusal in refused:
        failed(number, refusal)
    return _scale_part(scale_from_rulings(rulings, division_um))


def two_points_part(
    taken: Taken, first: tuple[float, float], second: tuple[float, float], distance_um: float
) -> ScalePart:
    """The scale by two points of a frame, pixels, and their distance; by the micrometer's lines where they lie on them.

    Raises:
        CalibrationError: the points lie too near to each other, or the pictures disagree.
    """
    rulings = []
    for image in taken.images:
        with contextlib.suppress(CalibrationError):  # no regular lines: the points alone then tell
            rulings.append(measure_micrometer(image))
    width_px, _ = taken.frame_size
    return _scale_part(scale_from_two_points(first, second, distance_um, width_px, rulings))


def _scale_part(scale: Scale) -> ScalePart:
    return ScalePart(
        um_per_px=scale.um_per_px,
        um_per_px_uncertainty=scale.uncertainty,
        method=scale.method,
        source=scale.source,
        created=_now(),
    )


def red_cells_part(taken: Taken, diameter_um: float | None, flat: FlatField | None) -> ScalePart:
    """The scale by the red cells; `flat` evens the light first, where the profile has one.

    Raises:
        CalibrationError: with too few red cells.
    """
    locator = OpenCvLocator()
    images = [flat.apply(image) for image in taken.images] if flat is not None else taken.images
    return _scale_part(scale_from_red_cells([locator.locate(FieldView(image)) for image in images], diameter_um))


def flat_field_part(taken: Taken) -> FlatFieldPart:
    """The gain map; raises CalibrationError if the frames do not give one."""
    return FlatFieldPart.of(measure_flat_field(taken.images), _now())


def mask_part(taken: Taken, flat: FlatField | None, *, round_field: bool = False) -> MaskPart:
    """What of the frames is slide: by the look of the first, and by what does not move with the slide in the others.

    Args:
        taken: frames of a moving stage, in the order in which they were taken.
        flat: evens the light first, where the profile has one.
        round_field: a person knows that the field is round.

    Raises:
        CalibrationError: if it cannot be told.
    """
    mask = FieldMask(round_field=round_field)
    now = _now()
    for number, image in enumerate(taken.images):
        even = image if flat is None else flat.apply(image)
        aperture = mask.aperture_of(Frame(even, number, float(number), now, taken.source))
        mask.learn(FieldView(even, aperture))
    if mask.untold is not None:
        raise CalibrationError(
            f"What of the frames is slide cannot be told: {UNTOLD_WORDS[mask.untold]}.",
            "Light an even place of the smear, or paint a mask and name it in camera.mask.",
        )
    outer, overlay = mask.learnt()
    told = mask.overlays_told
    return MaskPart.of(outer, overlay, told=told, share=mask.aperture.share, frames=len(taken.images), created=now)


def lock_camera(camera: Camera, timeout_s: float) -> tuple[ControlsPart, Taken]:
    """Lock exposure and white balance of a camera that is not open yet, and take a frame under them.

    Raises:
        CameraError: if it has nothing to lock, or does not settle.
    """
    if not isinstance(camera, LockableCamera):
        raise CameraError(
            f"{camera.name} has no exposure and white balance that could be locked from here.",
            "That works with picamera and with /dev/video devices; elsewhere lock them at the camera itself.",
        )
    any_colour(camera)
    with OpenCamera(camera):
        locked = camera.lock_controls(timeout_s)
        frame = camera.read(timeout_s)
    part = ControlsPart(driver=locked.driver, values=locked.values, not_locked=list(locked.not_locked), created=_now())
    return part, Taken([frame.image], camera.name)


def keep(
    folder: ProfileFolder,
    name: str,
    taken: Taken,
    part: ScalePart | FlatFieldPart | ControlsPart | MaskPart,
    *,
    objective: str | None,
    replace: bool,
) -> Profile:
    """Put a part into the profile `name`, made if there is none.

    Args:
        folder: where profiles are.
        name: of the profile.
        taken: what the part was measured on.
        part: the new part.
        objective: what the person calls it; None leaves what is there.
        replace: also replace a better scale by a worse one, and start anew where the frame size is another.

    Raises:
        CalibrationError: if the profile is damaged, of another frame size, or has a better scale.
    """
    old = folder.load(name) if folder.exists(name) else None
    if old is not None and old.frame_size != taken.frame_size:
        if not replace:
            raise CalibrationError(
                f"The profile {name} is for frames of {old.frame_size[0]} × {old.frame_size[1]} pixels, and these have "
                f"{taken.frame_size[0]} × {taken.frame_size[1]}.",
                "Choose another name, or start it anew with --replace.",
            )
        old = None
    base = old or Profile(name=name, frame_size=taken.frame_size)
    better = base.scale is not None and base.scale.method == MICROMETER
    if isinstance(part, ScalePart) and part.method != MICROMETER and better and not replace:
        raise CalibrationError(
            f"The profile {name} has its scale from a stage micrometer, which is better than {part.method}.",
            "Choose another name, or insist with --replace.",
        )
    profile = with_part(base, taken, part, objective)
    folder.save(profile)
    return profile


def with_part(
    base: Profile, taken: Taken, part: ScalePart | FlatFieldPart | ControlsPart | MaskPart, objective: str | None
) -> Profile:
    """The profile with one part new; `objective` is kept where it is None."""
    changes: dict[str, object] = {"camera": taken.source}
    if objective is not None:
        changes["objective"] = objective
    if isinstance(part, ScalePart):
        changes["scale"] = part
    elif isinstance(part, FlatFieldPart):
        changes["flat_field"] = part
    elif isinstance(part, MaskPart):
        changes["mask"] = part
    else:
        changes["controls"] = part
    return base.with_parts(changes)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)
