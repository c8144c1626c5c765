"""Which part of a frame shows the slide: a rectangle of it, less what an eyepiece's rim or an overlay hides.

Everything that measures a field asks here: what lies outside is not slide, and a cell that the rim cuts is cut as one
that the frame's border cuts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.rim_light import FadedRing, RimLight
    from hemato_edge.values import Image

BORDER_PX = 2.0
"""A box that ends closer than this to the border is cut by it."""
_RIM_SHARE = 0.08
"""A cell whose outline ends closer to a rim than this share of its size is cut by it: a network's sides err by as much
(as at the frame's border, see `LearnedLocator`)."""
_COVERED_SHARE = 0.5
_VEILED_SHARE = 0.1
_UNSURE_SHARE = 0.6
"""Nearer to a frame's border or a bar than this share of a rim's width light is not brought back: no ray shows it."""
_OUTLINE_POINTS = 24
_WITHIN = (0.0, 0.5, 0.9)
_COARSE = 2
_SAME_GLASS = 4.0


@dataclass(frozen=True, eq=False)
class Aperture:
    """The part of a frame that shows the slide. Boxes and points are in pixels of its rectangle.

    Attributes:
        frame_size: width and height of the frames that it holds for, pixels.
        rectangle: x0, y0, x1, y1 in the frame, pixels; what lies outside of it is cut off.
        hidden: (h, w) bool over the rectangle, what is not slide in it; None: nothing.
        bridged: (h, w) bool over the rectangle, overlays so narrow that the slide on both sides stands for what they
            hide; None: nothing.
        kinds: what it was made from, for people: "bars", "round", "shape", "stripe", "overlay", "file", "crop".
        retreat_px: how far the mask stays inside of the field's true rim, where half of the light is left, pixels;
            negative where it reaches beyond.
        rim: how the light fades at a round field's rim, in pixels of the rectangle; None: it does not.
    """

    frame_size: tuple[int, int]
    rectangle: tuple[int, int, int, int]
    hidden: NDArray[np.bool_] | None = None
    bridged: NDArray[np.bool_] | None = None
    kinds: tuple[str, ...] = ()
    retreat_px: float = 0.0
    rim: RimLight | None = None
    _lay: list[tuple[NDArray[np.float64], Image]] = field(default_factory=list, repr=False)
    _small: dict[tuple[int, int], NDArray[np.bool_]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.rectangle
        if not (0 <= x0 < x1 <= self.frame_size[0] and 0 <= y0 < y1 <= self.frame_size[1]):
            msg = f"the rectangle {self.rectangle} is no part of a frame of {self.frame_size}"
            raise ValueError(msg)
        for mask in (self.hidden, self.bridged):
            if mask is not None and mask.shape != (y1 - y0, x1 - x0):
                msg = f"a mask of {mask.shape} does not fit a rectangle of {(y1 - y0, x1 - x0)}"
                raise ValueError(msg)

    @staticmethod
    def whole(width: int, height: int) -> Aperture:
        """All of a frame is slide."""
        return Aperture((width, height), (0, 0, width, height))

    @staticmethod
    def of(image: NDArray[Any]) -> Aperture:
        """All of this picture (H, W, …) is slide."""
        return Aperture.whole(image.shape[1], image.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the rectangle, pixels."""
        x0, y0, x1, y1 = self.rectangle
        return x1 - x0, y1 - y0

    @property
    def origin(self) -> tuple[int, int]:
        """x, y of the rectangle's corner in the frame, pixels."""
        return self.rectangle[0], self.rectangle[1]

    @property
    def is_whole(self) -> bool:
        """Whether all of the frame is slide."""
        return self.size == self.frame_size and self.hidden is None and self.bridged is None

    @cached_property
    def slide_px(self) -> int:
        """How many pixels of the frame are slide."""
        width, height = self.size
        return width * height - (0 if self.hidden is None else int(np.count_nonzero(self.hidden)))

    @property
    def share(self) -> float:
        """The share of the frame that is slide, 0 to 1."""
        return self.slide_px / (self.frame_size[0] * self.frame_size[1])

    def part(self, rectangle: tuple[int, int, int, int]) -> Aperture:
        """What of a part of the rectangle, x0, y0, x1, y1 pixels, is slide; that part is then the whole frame."""
        x0, y0, x1, y1 = rectangle
        hidden, bridged = (
            mask[y0:y1, x0:x1] if mask is not None and mask[y0:y1, x0:x1].any() else None
            for mask in (self.hidden, self.bridged)
        )
        size = x1 - x0, y1 - y0
        return Aperture(size, (0, 0, *size), hidden, bridged, self.kinds)

    def window(self, image: Image) -> Image:
        """The rectangle of a frame (H, W, 3), not copied."""
        if self.size == self.frame_size:
            return image
        x0, y0, x1, y1 = self.rectangle
        return image[y0:y1, x0:x1]

    def painted(self, window: Image, glass: NDArray[np.floating[Any]]) -> Image:
        """The rectangle (h, w, 3) uint8 as if all of it were slide in full light.

        Empty glass, (3,) BGR, where there is none, the light that fades at a rim brought back, overlays bridged.
        """
        if self.hidden is None and self.bridged is None:
            return window
        keep, lay = self._layers(glass)
        picture = window.copy() if self.hidden is None else cv2.bitwise_and(window, keep)
        if self.hidden is not None:
            cv2.bitwise_or(picture, lay, picture)
        if self._faded is not None:
            self._faded.correct(np.asarray(picture, np.uint8), glass)
        if self.bridged is not None:
            under, nearest = self._bridge
            picture.reshape(-1, 3)[under] = picture.reshape(-1, 3)[nearest]
        return np.asarray(picture, np.uint8)

    def slide_at(self, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """(h, w) bool: which pixels of the rectangle, shrunk to `size`, show slide in full light; None where all do."""
        if self.hidden is None and self.bridged is None:
            return None
        small = self._small.get(size)
        if small is None:
            shown = np.full(self.size[::-1], 255, np.uint8)
            for mask in (self.hidden, self.bridged):
                if mask is not None:
                    shown[mask] = 0
            if self._faded is not None:
                shown.flat[self._faded.flat] = 0
            small = self._small[size] = cv2.resize(shown, size, interpolation=cv2.INTER_AREA) >= 254
        return small

    def cuts(self, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N,) bool: which boxes (N, 4) are cut by the border or by a rim."""
        width, height = self.size
        cut: NDArray[np.bool_] = (
            (boxes[:, 0] < BORDER_PX)
            | (boxes[:, 1] < BORDER_PX)
            | (boxes[:, 2] > width - BORDER_PX)
            | (boxes[:, 3] > height - BORDER_PX)
        )
        if self.hidden is not None and len(boxes):
            cut |= self._at(self.hidden, boxes, 1 + _RIM_SHARE).any(axis=1)
        return cut

    def covers(self, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N,) bool: which boxes (N, 4) lie on slide with their middle and most of their area."""
        if self.hidden is None or not len(boxes):
            return np.ones(len(boxes), np.bool_)
        inside = np.concatenate([self._at(self.hidden, boxes, scale) for scale in _WITHIN], axis=1)
        covered: NDArray[np.bool_] = ~inside[:, 0] & (inside.mean(axis=1) < _COVERED_SHARE)
        return covered

    def slivers(self, boxes: NDArray[np.float32], half_px: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """(N,) bool: which boxes (N, 4) `at_rim` are what is left of a cell whose middle, (N,) from its edge, it hides.

        How much it leaves is the depth of the farthest point of the box's ellipse behind the rim: that does not depend
        on the direction in which the rim runs.
        """
        if self.hidden is None or not len(boxes):
            return np.zeros(len(boxes), np.bool_)
        x, y = self._outline(boxes, 1.0)
        shallow: NDArray[np.bool_] = self._depth_at(x, y).max(axis=1) < half_px - self.retreat_px
        return shallow

    def at_rim(self, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N,) bool: which boxes (N, 4) a rim cuts, or touches within twice the error of their sides."""
        if self.hidden is None or not len(boxes):
            return np.zeros(len(boxes), np.bool_)
        near: NDArray[np.bool_] = self._at(self.hidden, boxes, 1 + 2 * _RIM_SHARE).any(axis=1)
        return near

    def veils(self, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) bool: which boxes (N, 4) a bridged overlay covers in part: a cell may be missed there."""
        if self.bridged is None or not len(boxes):
            return np.zeros(len(boxes), np.bool_)
        under = np.concatenate([self._at(self.bridged, boxes, scale) for scale in _WITHIN], axis=1)
        veiled: NDArray[np.bool_] = under.mean(axis=1) > _VEILED_SHARE
        return veiled

    def holds(self, points: NDArray[np.floating[Any]], margin_px: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """(N,) bool: which points (N, 2), x y, lie on slide, at least so far, (N,), from its border and rims."""
        return self.holds_at(points[:, 0], points[:, 1], margin_px)

    def holds_at(
        self,
        x: NDArray[np.floating[Any]],
        y: NDArray[np.floating[Any]],
        margin_px: NDArray[np.floating[Any]] | float,
    ) -> NDArray[np.bool_]:
        """As `holds`, for x and y of shapes that numpy brings together: those of a grid for instance."""
        width, height = self.size
        inside: NDArray[np.bool_] = (
            (x >= margin_px) & (x <= width - margin_px) & (y >= margin_px) & (y <= height - margin_px)
        )
        if self.hidden is not None:
            inside &= self._depth_at(x, y) >= margin_px
        return inside

    def _at(self, mask: NDArray[np.bool_], boxes: NDArray[np.floating[Any]], scale: float) -> NDArray[np.bool_]:
        """(N, points) bool: whether points on the ellipse in each box (N, 4), scaled, lie in a mask (h, w)."""
        x, y = self._outline(boxes, scale)
        width, height = self.size
        at: NDArray[np.bool_] = mask[
            np.clip(y.astype(np.intp), 0, height - 1), np.clip(x.astype(np.intp), 0, width - 1)
        ]
        return at

    @staticmethod
    def _outline(boxes: NDArray[np.floating[Any]], scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x and the y, (N, points) each, of points on the ellipse in each box (N, 4), scaled."""
        angle = np.arange(_OUTLINE_POINTS) * (2 * np.pi / _OUTLINE_POINTS)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        reach = (boxes[:, 2:] - boxes[:, :2]) * (scale / 2)
        return middle[:, :1] + reach[:, :1] * np.cos(angle), middle[:, 1:] + reach[:, 1:] * np.sin(angle)

    def _depth_at(self, x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """How far points of the rectangle are from what is hidden, pixels, float32 of the shape of x and y together."""
        rows, columns = self._depth.shape
        row = np.clip((y / _COARSE).astype(np.intp), 0, rows - 1)
        column = np.clip((x / _COARSE).astype(np.intp), 0, columns - 1)
        return np.asarray(self._depth[row, column])

    @cached_property
    def _depth(self) -> NDArray[np.float32]:
        """(h / 2, w / 2) float32: how far each place is from what is hidden, pixels; at the border endless."""
        hidden = np.zeros(self.size[::-1], np.bool_) if self.hidden is None else self.hidden
        shown = np.ascontiguousarray(~hidden[::_COARSE, ::_COARSE]).astype(np.uint8)
        return np.asarray(cv2.distanceTransform(shown, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32) * _COARSE

    @cached_property
    def _bridge(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Flat indices of the bridged pixels, and of the nearest pixel of slide for each."""
        width, height = self.size
        bridged = np.zeros((height, width), np.bool_) if self.bridged is None else self.bridged
        free = ~bridged if self.hidden is None else ~(bridged | self.hidden)
        _, place = cv2.distanceTransformWithLabels(
            (~free).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        index_of = np.zeros(int(place.max()) + 1, np.intp)
        index_of[place[free]] = np.flatnonzero(free)
        under = np.flatnonzero(bridged)
        return under, index_of[place.ravel()[under]]

    @cached_property
    def fading(self) -> NDArray[np.bool_] | None:
        """(h, w) bool: where no light is full, in the rim and outside of it; None for a rim that is sharp."""
        return None if self.rim is None else self.rim.fading(self.size)

    @cached_property
    def _faded(self) -> FadedRing | None:
        """Where the light fades at a rim, and is brought back."""
        if self.rim is None or self.hidden is None:
            return None
        shown = ~self.hidden if self.bridged is None else ~(self.hidden | self.bridged)
        near = round(_UNSURE_SHARE * len(self.rim.shares))
        if near:
            left, up = self.origin
            frame = (-left, -up, self.frame_size[0] - left, self.frame_size[1] - up)
            x0, y0, x1, y1 = (round(side) for side in self.rim.bounds or frame)
            shown[: max(0, y0 + near)], shown[:, : max(0, x0 + near)] = False, False
            shown[max(0, y1 - near) :], shown[:, max(0, x1 - near) :] = False, False
        return self.rim.faded(shown)

    @cached_property
    def _keep(self) -> Image:
        """(h, w, 3) uint8: 255 where there is slide."""
        hidden = np.zeros(self.size[::-1], np.bool_) if self.hidden is None else self.hidden
        return np.repeat((~hidden).astype(np.uint8)[..., None] * np.uint8(255), 3, axis=2)

    def _layers(self, glass: NDArray[np.floating[Any]]) -> tuple[Image, Image]:
        """(h, w, 3) uint8 each: 255 where there is slide; and glass where there is none, about as it was last."""
        if not self._lay or float(np.abs(self._lay[0][0] - glass).max()) > _SAME_GLASS:
            self._lay[:] = [(np.asarray(glass, np.float64), ~self._keep & np.rint(glass).astype(np.uint8))]
        return self._keep, self._lay[0][1]
