"""Flat-field correction: illumination over the field, measured on bare background and divided out.

The map is smooth and coarse: it holds neither dust on the sensor nor the ghost of a cell that did not move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image

NODES = (25, 33)
"""Rows and columns of the map, including the frame's corners; linear interpolation between them is within 0.1 %."""
MIN_FRAMES = 3
MAX_GAIN = 4.0
"""Beyond it the corner has too little light to be corrected."""
MAX_REST = 0.03
"""Largest residual of the measured background from the smooth map, as a share."""
MAX_SATURATED = 0.05
_BLOCKS = (18, 24)
_BACKGROUND_PERCENTILE = 90
_ORDER = 4
_LEAST_KEPT = 0.5
"""Minimum share of blocks that must fit the smooth map; it is extrapolated to the rest."""
_SATURATED = 254.0
_BRIGHTEST = 240.0
"""A background brighter than this level is reduced to it, as headroom for noise."""


@dataclass(frozen=True, slots=True)
class FlatFieldMap:
    """Gain by position.

    Attributes:
        gain: `NODES` + (3,) float32, BGR: factor for each position, smallest where it is brightest.
        frames: number of frames measured.
        rest: residual of the background, as a share.
    """

    gain: NDArray[np.float32]
    frames: int
    rest: float

    @property
    def falloff(self) -> float:
        """Relative darkening of the darkest position against the brightest, in green."""
        return 1 - float(self.gain[..., 1].min() / self.gain[..., 1].max())


class FlatField:
    """Applies a map to frames of one size.

    Args:
        gain: (rows, columns, 3) float32.
        size_px: width and height of the frames.
    """

    def __init__(self, gain: NDArray[np.float32], size_px: tuple[int, int]) -> None:
        self.size_px = size_px
        self._gain = expand(gain, size_px)

    def apply(self, image: Image) -> Image:
        """A frame (H, W, 3) uint8 with uniform illumination, as a new array.

        Raises:
            ValueError: the frame is of another size.
        """
        if image.shape[1::-1] != self.size_px:
            msg = f"a frame of {image.shape[1::-1]} does not fit a map of {self.size_px}"
            raise ValueError(msg)
        return np.asarray(cv2.multiply(image, self._gain, dtype=cv2.CV_8U), np.uint8)


def measure_flat_field(frames: Sequence[Image]) -> FlatFieldMap:
    """The gain map from a few frames (H, W, 3) uint8 of an empty or moving field.

    In each block of each frame the background is the brighter part of the pixels; the median over the frames drops
    what moved; a fourth-order polynomial through the logarithms of the blocks, fitted repeatedly without those that
    are too dark, drops what did not. The brightest position keeps its brightness, or is reduced to 240 of 255.

    Raises:
        CalibrationError: too few frames, of different sizes, too bright, too dark, or not smooth.
    """
    _check_frames(frames)
    levels = np.stack([_block_levels(frame) for frame in frames])
    saturated = float(np.mean(levels >= _SATURATED))
    if saturated > MAX_SATURATED:
        raise CalibrationError(
            f"The background is saturated in {100 * saturated:.0f} % of the field: its brightness cannot be measured.",
            "Turn the lamp or the exposure down until no part of the field is white.",
        )
    if float(np.median(levels)) < 25:
        raise CalibrationError("The frames are too dark.", "Turn the lamp or the exposure up.")
    # the lamp may flicker or drift between frames: only the shape over the field matters
    log = np.log(np.maximum(levels, 1.0))
    level = np.median(log, axis=(0, 1, 2))
    log = np.median(log - np.median(log, axis=(1, 2), keepdims=True), axis=0)
    fits = [_smooth(log[..., channel]) for channel in range(3)]
    course = np.stack([fit for fit, _ in fits], axis=2)
    rest = max(rest for _, rest in fits)
    if rest > MAX_REST:
        raise CalibrationError(
            f"The background is not smooth: {100 * rest:.0f} % off a smooth illumination, {100 * MAX_REST:g} % is "
            "the most.",
            "Take an empty place, or move the stage between the frames so that no place is always covered.",
        )
    brightest = course.max(axis=(0, 1))
    room = min(0.0, float(np.min(np.log(_BRIGHTEST) - level - brightest)))
    gain = np.exp(brightest - course + room)
    if gain.max() > MAX_GAIN:
        raise CalibrationError(
            f"The darkest corner has {100 / gain.max():.0f} % of the light in the middle; {100 / MAX_GAIN:.0f} % is "
            "the least that can be made up for.",
            "Centre the condenser, open its diaphragm, and check that nothing is in the way.",
        )
    return FlatFieldMap(gain.astype(np.float32), len(frames), rest)


def expand(gain: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float32]:
    """The map at every pixel, (H, W, 3) float32; corner nodes lie on corner pixels."""
    width, height = size_px
    rows, columns = gain.shape[:2]
    x = np.linspace(0, columns - 1, width, dtype=np.float32)
    y = np.linspace(0, rows - 1, height, dtype=np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    return np.asarray(cv2.remap(gain, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _check_frames(frames: Sequence[Image]) -> None:
    if len(frames) < MIN_FRAMES:
        raise CalibrationError(
            f"{len(frames)} frames are too few for a flat field; {MIN_FRAMES} are the least, ten are good.",
            "Take more, of an empty place or with the stage moved in between.",
        )
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        raise CalibrationError("The frames are of different sizes.", "Take all of them with one camera and setting.")


def _block_levels(frame: Image) -> NDArray[np.float64]:
    """Background of every block, `_BLOCKS` + (3,) float64, in grey levels."""
    rows, columns = _BLOCKS
    height, width = frame.shape[:2]
    smooth = cv2.blur(frame, (3, 3))  # so that the percentile does not follow the noise
    small = cv2.resize(smooth, (columns * 16, rows * 16), interpolation=cv2.INTER_AREA) if width > 384 else smooth
    height, width = small.shape[:2]
    levels = np.empty((rows, columns, 3))
    for row in range(rows):
        for column in range(columns):
            block = small[
                row * height // rows : (row + 1) * height // rows,
                column * width // columns : (column + 1) * width // columns,
            ]
            levels[row, column] = np.percentile(block.reshape(-1, 3), _BACKGROUND_PERCENTILE, axis=0)
    return levels


def _terms(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    return np.stack([x**i * y**j for i in range(_ORDER + 1) for j in range(_ORDER + 1 - i)], axis=1)


def _smooth(log: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The polynomial through log levels at the nodes, and the residual of the blocks that were kept."""
    rows, columns = log.shape
    terms = _terms((np.arange(rows) + 0.5) / rows * 2 - 1, (np.arange(columns) + 0.5) / columns * 2 - 1)
    values = log.ravel()
    keep = np.ones(len(values), np.bool_)
    for _ in range(8):
        fit = np.linalg.lstsq(terms[keep], values[keep], rcond=None)[0]
        off = values - terms @ fit
        spread = max(1.4826 * float(np.median(np.abs(off[keep]))), 0.01)
        keep = (off > -2 * spread) & (off < 3 * spread)  # whatever covers the background is darker
        if np.count_nonzero(keep) < _LEAST_KEPT * len(values):
            return np.zeros(NODES), 1.0
    rest = float(np.std(off[keep]))
    nodes = _terms(np.linspace(-1, 1, NODES[0]), np.linspace(-1, 1, NODES[1])) @ fit
    return nodes.reshape(NODES), rest
