"""The frames of one region painted on one canvas, which lies in a file: memory does not grow with the slide.

Frames are painted in the order of their sharpness, so that each place shows its sharpest view, and fade in over
`FADE_PX` at their borders, so that no seam is seen. Before, each is brought to the same colour of empty glass, and the
uneven light that all of them share is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.mosaic.collector import KeptFrame

FADE_PX = 32
SHADING_FRAMES, LEAST_SHADING_FRAMES = 64, 12
"""Pictures that the uneven light is taken from, evenly spread over the slide; with fewer it is left as it is."""
_SHADING_PERCENTILE = 80
MOST_PIXELS = 2_000_000_000
"""Of a canvas; a larger region is shrunk. It takes four bytes a pixel on disk while it is painted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a region's frames come to lie.

    Attributes:
        left, top: slide position of the canvas's corner, pixels of the frames.
        width, height: of the canvas, pixels.
        scale: canvas pixels a pixel of the frames, 1 unless the region is too large.
    """

    left: float
    top: float
    width: int
    height: int
    scale: float

    @property
    def canvas_bytes(self) -> int:
        """What the canvas takes on disk while it is painted: three colours and how far a pixel is covered."""
        return 4 * self.width * self.height

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A slide position (pixels of the frames) on the canvas."""
        return (x - self.left) * self.scale, (y - self.top) * self.scale


def plan_of(frames: Sequence[KeptFrame], most_pixels: int = MOST_PIXELS) -> Plan:
    """The canvas for the frames of one region, at least one."""
    left, top = min(f.x for f in frames), min(f.y for f in frames)
    width = max(f.x + f.aperture.size[0] for f in frames) - left
    height = max(f.y + f.aperture.size[1] for f in frames) - top
    scale = min(1.0, (most_pixels / (width * height)) ** 0.5)
    return Plan(left, top, int(np.ceil(width * scale)), int(np.ceil(height * scale)), scale)


def paint(
    frames: Sequence[KeptFrame], plan: Plan, path: Path, step: Callable[[], None] = lambda: None
) -> NDArray[np.uint8]:
    """The canvas, (height, width, 3) uint8 BGR, mapped from a file; white where nothing was seen.

    Args:
        frames: of one region.
        plan: from `plan_of`.
        path: of the file; overwritten. It has to stay as long as the canvas is used.
        step: called after each frame.
    """
    canvas = np.memmap(path, np.uint8, "w+", shape=(plan.height, plan.width, 4))
    glass = np.median([frame.glass for frame in frames], axis=0)
    lights: dict[tuple[int, int], NDArray[np.float32] | None] = {}
    for frame in sorted(frames, key=lambda one: one.focus):
        if frame.aperture.size not in lights:
            lights[frame.aperture.size] = shading_of(
                [one for one in frames if one.aperture.size == frame.aperture.size]
            )
        _paint_one(canvas, frame, plan, glass, lights[frame.aperture.size])
        step()
    for top in range(0, plan.height, 512):  # white behind all, strip by strip
        strip = canvas[top : top + 512]
        strip[..., :3][strip[..., 3] == 0] = 255
    return canvas[..., :3]


def shading_of(frames: Sequence[KeptFrame]) -> NDArray[np.float32] | None:
    """The light that frames of one size share, (h, w) float32 with a mean of 1; None from too few of them.

    Over many places, each place of the sensor shows empty glass now and then: a high percentile over the pictures, in
    an eighth of their size, smoothed.
    """
    chosen = frames[:: max(1, len(frames) // SHADING_FRAMES)]
    small = [cv2.imread(str(frame.path), cv2.IMREAD_REDUCED_GRAYSCALE_8) for frame in chosen]
    levels = [
        picture / max(float(f.glass.mean()), 1.0)
        for picture, f in zip(small, chosen, strict=True)
        if picture is not None
    ]
    if len(levels) < LEAST_SHADING_FRAMES:
        return None
    light = np.percentile(np.stack(levels), _SHADING_PERCENTILE, axis=0).astype(np.float32)
    side = max(light.shape) / 4
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), side / 2, borderType=cv2.BORDER_REPLICATE), np.float32)
    whole = np.asarray(cv2.resize(light, frames[0].aperture.size, interpolation=cv2.INTER_CUBIC), np.float32)
    return whole / np.float32(whole.mean())


def _paint_one(
    canvas: NDArray[np.uint8],
    frame: KeptFrame,
    plan: Plan,
    glass: NDArray[np.float64],
    light: NDArray[np.float32] | None,
) -> None:
    picture = cv2.imread(str(frame.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        return
    even = picture.astype(np.float32)
    if light is not None:
        even /= light[..., None]
    (x, y), image, alpha = _placed(even, frame, plan)
    part = canvas[y : y + image.shape[0], x : x + image.shape[1]]
    image, alpha = image[: part.shape[0], : part.shape[1]], alpha[: part.shape[0], : part.shape[1]]
    gain = (glass / np.maximum(frame.glass, 1.0)).astype(np.float32)
    there = part[..., 3:] == 0
    share = np.where(there, (alpha[..., None] > 0).astype(np.float32), alpha[..., None])  # on nothing nothing fades
    mixed = part[..., :3] * (1 - share) + np.clip(image * gain, 0, 255) * share
    part[..., :3] = np.rint(mixed).astype(np.uint8)
    part[..., 3] = np.maximum(part[..., 3], np.rint(255 * (alpha > 0)).astype(np.uint8))


def _placed(
    picture: NDArray[np.float32], frame: KeptFrame, plan: Plan
) -> tuple[tuple[int, int], NDArray[np.float32], NDArray[np.float32]]:
    """A frame rotated back and shifted by what is left of a pixel.

    Returns:
        x, y of its corner on the canvas; the picture, (h, w, 3) float32; how much it covers there, (h, w) float32,
        0 to 1.
    """
    height, width = picture.shape[:2]
    left, top = plan.place(frame.x, frame.y)
    corner = int(np.floor(left)), int(np.floor(top))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -frame.angle_deg, 1.0)
    matrix = plan.scale * matrix
    matrix[:, 2] += left - corner[0], top - corner[1]
    size = int(np.ceil(width * plan.scale)) + 1, int(np.ceil(height * plan.scale)) + 1
    moved = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(_alpha(frame, width, height), matrix, size, flags=cv2.INTER_LINEAR)
    if corner[0] < 0 or corner[1] < 0:  # rounding of a fraction of a pixel
        corner = max(corner[0], 0), max(corner[1], 0)
    return corner, np.asarray(moved, np.float32), np.asarray(alpha, np.float32)


def _alpha(frame: KeptFrame, width: int, height: int) -> NDArray[np.float32]:
    """(h, w) float32: 1 in the middle of what is slide, falling to nearly 0 over `FADE_PX` at its border."""
    slide = frame.aperture.slide_at((width, height))
    inside = np.ones((height, width), np.uint8) if slide is None else slide.astype(np.uint8)
    framed = np.pad(inside, 1)
    depth = np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_3), np.float32)[1:-1, 1:-1]
    return np.asarray(np.minimum(depth / FADE_PX, 1.0) * inside, np.float32)
