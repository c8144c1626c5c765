"""Value types of the pipeline. Frozen; units are in the names."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.labels import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from hemato_edge.morphology import Attribute

    Image = NDArray[np.uint8]
    """(H, W, 3) uint8, BGR, unless stated otherwise."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from a camera.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        index: position in the camera's stream, from 0; a gap means dropped frames.
        monotonic_s: `time.monotonic()` at capture, seconds.
        utc: wall clock at capture, timezone-aware UTC. Wrong on a Pi without a network until NTP is available.
        source: name for the user: the file's path, or the camera's name.
        independent: True if the frame is a stand-alone field (a file in a folder), never registered to its neighbours.
        stretch: number of the camera's uninterrupted stretch; a new one begins when frames resume after a fault, and
            the stage may have moved meanwhile.
    """

    image: Image
    index: int
    monotonic_s: float
    utc: datetime
    source: str = ""
    independent: bool = False
    stretch: int = 0


@dataclass(frozen=True, slots=True)
class Detections:
    """The locator's detections in one field.

    Attributes:
        boxes: (N, 4) float32, x0 y0 x1 y1 in pixels of the frame, x1 > x0 and y1 > y0.
        kinds: (N,) int8, index into `labels.KINDS`.
        scores: (N,) float32, 0 to 1.

    Raises:
        ValueError: the shapes do not match, or a box is degenerate.
    """

    boxes: NDArray[np.float32]
    kinds: NDArray[np.int8]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if self.boxes.shape != (n, 4) or self.kinds.shape != (n,) or self.scores.shape != (n,):
            msg = f"boxes {self.boxes.shape}, kinds {self.kinds.shape}, scores {self.scores.shape} do not match"
            raise ValueError(msg)
        if n and not bool(np.all(self.boxes[:, 2:] > self.boxes[:, :2])):
            msg = "a box has no area"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.boxes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        return (
            np.array_equal(self.boxes, other.boxes)
            and np.array_equal(self.kinds, other.kinds)
            and np.array_equal(self.scores, other.scores)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @staticmethod
    def empty() -> Detections:
        """No cells."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.int8), np.zeros(0, np.float32))

    @staticmethod
    def joined(parts: Sequence[Detections]) -> Detections:
        """All cells of the parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return Detections(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.kinds for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )

    def select(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """The detections selected by `mask` (boolean, or indices)."""
        return Detections(self.boxes[mask], self.kinds[mask], self.scores[mask])

    def moved(self, x: int, y: int) -> Detections:
        """The same detections with boxes moved by (x, y) pixels."""
        return Detections(self.boxes + np.array([x, y, x, y], np.float32), self.kinds, self.scores)

    def of_kind(self, kind: int) -> Detections:
        """The detections of one kind, an index into `labels.KINDS`."""
        return self.select(self.kinds == kind)

    @property
    def centres(self) -> NDArray[np.float32]:
        """(N, 2) float32, x y in pixels."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / 2

    @property
    def sizes(self) -> NDArray[np.float32]:
        """(N,) float32: geometric mean of width and height, pixels."""
        extent = self.boxes[:, 2:] - self.boxes[:, :2]
        side: NDArray[np.float32] = np.sqrt(extent[:, 0] * extent[:, 1])
        return side

    def counts(self) -> dict[str, int]:
        """Number of detections of each kind, zeros included."""
        return {name: int(np.count_nonzero(self.kinds == k)) for k, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a field lies on the slide.

    Attributes:
        region: number of the connected stretch of tracking; a new one starts when tracking is lost.
        x_px, y_px: slide position of the frame's top left corner, pixels, within the region; for a rotated frame, that
            of its corner after rotating it back about its middle.
        confidence: 0 to 1; 1 for the first field of a region.
        angle_deg: rotation of the frame on the slide about its middle, degrees, from x towards y (clockwise in the
            picture); 0 where no significant angle was measured.
    """

    region: int
    x_px: float
    y_px: float
    confidence: float
    angle_deg: float = 0.0

    def on_slide(self, points: NDArray[np.floating[Any]], frame_size: tuple[int, int]) -> NDArray[np.float64]:
        """Slide positions of points (N, 2) in a frame of (width, height) pixels: (N, 2) float64, pixels."""
        placed: NDArray[np.float64] = points + np.array((self.x_px, self.y_px))
        if self.angle_deg:
            middle = np.add(frame_size, (2 * self.x_px, 2 * self.y_px)) / 2
            placed = (placed - middle) @ self._turn().T + middle
        return placed

    def in_frame(self, places: NDArray[np.float64], frame_size: tuple[int, int]) -> NDArray[np.float64]:
        """Positions in a frame of (width, height) pixels of slide positions (N, 2): (N, 2) float64, pixels."""
        points: NDArray[np.float64] = places - np.array((self.x_px, self.y_px))
        if self.angle_deg:
            middle = np.asarray(frame_size) / 2
            points = (points - middle) @ self._turn() + middle
        return points

    def _turn(self) -> NDArray[np.float64]:
        angle = math.radians(self.angle_deg)
        return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


@dataclass(frozen=True, slots=True)
class Judgement:
    """The classifier's result for one cell.

    Attributes:
        label: one of `labels.CLASSIFIER_LABELS`, or `labels.UNCLASSIFIED`.
        best: the most probable label, even if the label is "unclassified".
        confidence: calibrated probability of `best`, 0 to 1.
        probabilities: (len(CLASSIFIER_LABELS),) float32, sums to 1.
        activation: (h, w) float32, the class activation map of `best` over the classifier's crop; None from a model
            without that output.
        embedding: (d,) float32, for comparing cells; None from a model without that output. See `models.prototypes`.
        attributes: morphological ones and the level below each class, confident or not, in the order of the model's
            card; empty from a model without. See `morphology.confident`.
    """

    label: str
    best: str
    confidence: float
    probabilities: NDArray[np.float32]
    activation: NDArray[np.float32] | None = None
    embedding: NDArray[np.float32] | None = None
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Portrait:
    """A small picture of one cell, for review and for training.

    Attributes:
        jpeg: `vision.portraits.PORTRAIT_PX` square, colours as from the camera, the cell in the middle.
        activation: (h, w) uint8, class activation of the best label over the middle of the picture, 255 at its
            maximum; None if the model has none.
    """

    jpeg: bytes
    activation: NDArray[np.uint8] | None

    @property
    def size(self) -> int:
        """Size of both in bytes."""
        return len(self.jpeg) + (0 if self.activation is None else self.activation.nbytes)


@dataclass(frozen=True, slots=True)
class CutPortrait:
    """What a cell's portrait is made from, until somebody wants it; see `vision.classify.portraits.developed`.

    Attributes:
        pixels: (S, S, 3) uint8 BGR, the square around the cell; a copy, so that no frame is kept for it.
        activation: (h, w) float32, class activation of the best label; None if the model has none.
    """

    pixels: Image
    activation: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One unique cell that was classified.

    Attributes:
        x_px, y_px: centre on the slide (region coordinates), pixels.
        box: x0 y0 x1 y1 in the frame of its sharpest view, pixels.
        diameter_px: geometric mean of the box's sides.
        score: the locator's.
        judgement: the classifier's answer.
        portrait: its picture; None if it is not made yet, or none could be made. A count never depends on it.
        number: unique in the session; 0 if it is not referred to again.
        cut: what its picture is still to be made from; None if it is made, or none can be.
    """

    x_px: float
    y_px: float
    box: tuple[float, float, float, float]
    diameter_px: float
    score: float
    judgement: Judgement
    portrait: Portrait | None = None
    number: int = 0
    cut: CutPortrait | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality gate's measurements on one frame.

    Attributes:
        reject: why the frame is not counted, or None if it is.
        measures: name → value, for the record (unitless unless the name shows otherwise).
    """

    reject: str | None
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldResult:
    """What one frame adds to the session; one transaction in the store.

    Attributes:
        frame_index: of the frame it came from.
        utc, monotonic_s: capture time of that frame.
        source: the frame's file or camera.
        width, height: of the frame, pixels.
        pose: where the field lies, or None for a stand-alone field (a file).
        seen: number of cells of each kind in the frame, known ones included; keys as in `labels.KINDS`.
        new_cells: new white cells (and others that were classified).
        new_red_cells, new_platelets: number of new ones.
        quality: the gate's measurements; its `reject` is None here.
        latency_ms: stage → milliseconds.
        joined: pairs of recorded cells that turned out to be one: the number that no longer counts, and the one kept.
    """

    frame_index: int
    utc: datetime
    monotonic_s: float
    source: str
    width: int
    height: int
    pose: Pose | None
    seen: dict[str, int]
    new_cells: tuple[Cell, ...]
    new_red_cells: int
    new_platelets: int
    quality: Quality
    latency_ms: dict[str, float]
    joined: tuple[tuple[int, int], ...] = ()
