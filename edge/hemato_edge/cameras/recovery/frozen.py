"""Is that a new picture? What a frozen and a black camera give themselves away by."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.cameras.camera import Noise
from hemato_edge.cameras.recovery.state import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

    Sample = NDArray[np.uint8]
    """(h, w) uint8: every n-th pixel of the green channel, as it is: a mean would take the noise away."""

SAMPLE_WIDTH_PX = 160
BLACK_MEAN = 12.0
"""Darkest mean of a picture with light; black is 0, or a little more with a sensor's noise."""
BLACK_BRIGHT, BLACK_BRIGHT_SHARE = 40, 0.01
"""A dark picture with more than this share of pixels brighter than that shows something."""
CLIPPED_LOW, CLIPPED_HIGH = 1, 254
"""Values at the ends of the range carry no noise."""
LEAST_UNCLIPPED_SHARE = 0.05
"""With fewer pixels between the ends, whether a picture is new cannot be told."""
NEAR_SHARE = 0.01
"""Pixels that differ from the frame before, share, under which a sensor's frame is no new one. In the demo's frames,
whose noise has a standard deviation of 1.8, 0.87 differ; at 0.3, which is little for a sensor, it would be 0.2."""
LOOP_FRAMES = 32
"""A driver that hands out its old buffers in turn has fewer of them than this."""

FROZEN_S = 4.0
"""Patience with the very same picture: no sensor gives that."""
NEARLY_FROZEN_S = 30.0
"""Patience with nearly the same picture, or the same from a stream: a strong compressor may do that for a while."""
BLACK_S = 10.0
"""Patience with a black picture: the lamp may be off."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a frame is not handed out.

    Attributes:
        fault: what it looks like.
        patience_s: how long that may last before the camera is opened again, seconds.
    """

    fault: Fault
    patience_s: float


class Liveness:
    """Judges the frames of one camera, one after another. Costs about 0.1 ms at 640 × 480.

    Args:
        noise: what the camera declares of itself.
        frozen_s, nearly_frozen_s, black_s: patience, seconds.
    """

    def __init__(
        self,
        noise: Noise,
        frozen_s: float = FROZEN_S,
        nearly_frozen_s: float = NEARLY_FROZEN_S,
        black_s: float = BLACK_S,
    ) -> None:
        self._black = Doubt(Fault.BLACK, black_s)
        self._same = Doubt(Fault.FROZEN, frozen_s if noise is Noise.SENSOR else nearly_frozen_s)
        self._near = Doubt(Fault.FROZEN, nearly_frozen_s)
        self._noise = noise
        self._last: Sample | None = None
        self._seen: deque[int] = deque(maxlen=LOOP_FRAMES)

    def doubt(self, image: Image) -> Doubt | None:
        """What is wrong with a frame (H, W, 3) uint8 BGR, or None for a new picture, which is then remembered."""
        step = max(1, image.shape[1] // SAMPLE_WIDTH_PX)
        sample: Sample = np.ascontiguousarray(image[::step, ::step, 1])
        if _is_black(sample):
            return self._black
        if self._noise is Noise.NONE:
            return None
        mark = hash(sample.tobytes())
        unclipped = (sample > CLIPPED_LOW) & (sample < CLIPPED_HIGH)
        if np.count_nonzero(unclipped) >= LEAST_UNCLIPPED_SHARE * sample.size:
            if mark in self._seen:
                return self._same
            if self._noise is Noise.SENSOR and self._is_near(sample, unclipped):
                return self._near
        self._seen.append(mark)
        self._last = sample
        return None

    def _is_near(self, sample: Sample, unclipped: NDArray[np.bool_]) -> bool:
        """Whether nearly all pixels are as in the last frame that was handed out."""
        if self._last is None or self._last.shape != sample.shape:
            return False
        differing = np.count_nonzero((sample != self._last) & unclipped)
        return differing < NEAR_SHARE * np.count_nonzero(unclipped)


def _is_black(sample: Sample) -> bool:
    lowest, highest = int(sample.min()), int(sample.max())
    if lowest == highest < CLIPPED_HIGH:  # a buffer that was never filled: black, or green where it is YUV
        return True
    dark = float(sample.mean()) < BLACK_MEAN
    return dark and np.count_nonzero(sample > BLACK_BRIGHT) < BLACK_BRIGHT_SHARE * sample.size
