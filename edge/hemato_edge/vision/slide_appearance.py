"""The appearance of a slide through this microscope: scale and stain, estimated during the session.

Both are properties of the session, not of one cell: running medians over fields. They are recorded with the session.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.labels import WBC
from hemato_edge.vision.optics.nuclei import measure_stain, nuclei_in, sampling_step
from hemato_edge.vision.optics.red_cells import with_red_cells
from hemato_edge.vision.optics.stain import StainCalibration, pool_stains
from hemato_edge.vision.scale import ScaleEstimator, red_cell_diameter_px, red_cell_px_from_white

if TYPE_CHECKING:
    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Detections
    from hemato_edge.vision.field_view import FieldView

MEMORY = 64
"""Measurements kept in a running session: the median follows slow changes of lamp and focus, and memory is bounded."""
ENOUGH_STAINS = 32
STAIN_EVERY = 8
"""A session with `ENOUGH_STAINS` measures the stain of one field in this many: dyes do not change on a slide."""
WHOLE_SET = 100_000
"""Measurements kept for a set of pictures that is read completely before anything is classified."""
MIN_RED_SHARE = 0.1
"""Minimum share of pictures with measurable red cells for these to be used: in pictures cropped closely around single
cells, a few chance detections give no scale."""


SHARP_PERCENTILE = 90.0
RELATIVE_FOCUS = 0.4
"""A picture with less than this share of the focus of the session's sharp ones is out of focus. Chosen on bccd, pbc and
pbc_boxes (`benchmarks/focus.py`): of cells in pictures above it, one in a hundred gets another name than in focus."""
ENOUGH_FOCUS = 16
FOCUS_MEMORY = 512
"""Frames of a running session by which its focus is known: under a minute, so that a thicker part of a slide is not
shut out for long."""
_EVERY = 16
"""Pictures after which the level is computed anew: it changes slowly, and this is asked for each frame."""


class FocusLevel:
    """How sharp this slide is through this microscope in focus: laboratories differ by a factor of three.

    Args:
        memory: number of pictures remembered.
    """

    def __init__(self, memory: int = FOCUS_MEMORY) -> None:
        self._seen: deque[float] = deque(maxlen=memory)
        self._least, self._since = 0.0, 0

    def add(self, focus: float) -> None:
        """Add the measure of a picture that passed the gate's own limit."""
        self._seen.append(focus)
        self._since += 1

    def least(self) -> float:
        """The least measure of a picture in focus; 0 before there are enough to tell."""
        if len(self._seen) >= ENOUGH_FOCUS and self._since >= _EVERY:
            sharp = np.percentile(np.fromiter(self._seen, np.float64), SHARP_PERCENTILE)
            self._least, self._since = RELATIVE_FOCUS * float(sharp), 0
        return self._least


@dataclass(frozen=True, slots=True)
class SlideAppearance:
    """What the classifier needs to know about a slide.

    Attributes:
        red_cell_px: diameter of a red cell, pixels of the frame.
        stain: background, nuclei and red cells.
    """

    red_cell_px: float
    stain: StainCalibration


class AppearanceEstimator:
    """Estimates a slide's appearance from its fields, or from pictures of single cells.

    Args:
        memory: number of measurements kept, `MEMORY` or `WHOLE_SET`.

    Attributes:
        scale: of the red cells.
        focus: how sharp its pictures in focus are.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self.scale = ScaleEstimator(memory)
        self.focus = FocusLevel(max(memory, FOCUS_MEMORY))
        self._pictures = 0
        self._measures_all = memory >= WHOLE_SET
        self._white_sizes: deque[float] = deque(maxlen=memory)
        self._stains: deque[StainCalibration] = deque(maxlen=memory)
        self._pooled: StainCalibration | None = None

    @property
    def red_cell_px(self) -> float | None:
        """Red-cell diameter in pixels: from red cells, else from the white cells' usual size, else None."""
        if self.scale.looks and (self.scale.looks >= MIN_RED_SHARE * self._pictures or not self._white_sizes):
            return self.scale.red_cell_px
        return red_cell_px_from_white(np.array(self._white_sizes))

    @property
    def wants_stain(self) -> bool:
        """Whether to measure the next field's stain: always at first or in a whole set, then now and then."""
        return self._measures_all or len(self._stains) < ENOUGH_STAINS or self._pictures % STAIN_EVERY == 0

    def add_field(self, view: FieldView, detections: Detections) -> None:
        """Add scale and, when due, stain of one field of view and its detections."""
        wants_stain = self.wants_stain
        self.add_red_cells(detections, view.aperture)
        white = detections.of_kind(WBC)
        self._white_sizes.extend(float(size) for size in white.sizes)
        if len(white) and wants_stain:
            nuclei = nuclei_in(view, detections, sampling_step(self.red_cell_px))
            self.add_stain(with_red_cells(measure_stain(view, nuclei), view, detections))

    def add_red_cells(self, detections: Detections, aperture: Aperture | None = None) -> None:
        """Add the scale of the red cells among `detections`, boxes in pixels of the aperture."""
        self._pictures += 1
        diameter = red_cell_diameter_px(detections, aperture)
        if diameter is not None:
            self.scale.add(diameter)

    def add_stain(self, stain: StainCalibration | None) -> None:
        """Add a stain measured elsewhere; None is ignored."""
        if stain is not None:
            self._stains.append(stain)
            self._pooled = None

    def add_white_size(self, size_px: float) -> None:
        """Add the size of one white cell, pixels."""
        self._white_sizes.append(size_px)

    def appearance(self) -> SlideAppearance | None:
        """The appearance so far, None while the scale is unknown; with the reference stain before the first nucleus."""
        red_cell_px = self.red_cell_px
        if red_cell_px is None:
            return None
        if self._pooled is None:
            self._pooled = pool_stains(list(self._stains)) or StainCalibration.reference()
        return SlideAppearance(red_cell_px, self._pooled)
