"""Finds white cells, red cells and platelets in a field, and the one cell of a single-cell picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from hemato_edge.errors import ImageError
from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.locate import outlines, platelets
from hemato_edge.vision.locate.candidates import Candidates, best_of_overlapping, logistic
from hemato_edge.vision.locate.separation import boxes_of, grow_cells, nucleus_groups, renumbered
from hemato_edge.vision.optics.contrast import Contrast, measure_contrast
from hemato_edge.vision.scale import guess_red_cell_px, red_cell_diameter_px

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.field_view import FieldView

WORKING_RED_PX = 30.0
"""Pictures are rescaled to this red-cell diameter: the smallest at which platelets keep a shape."""
WHITE_NUCLEUS = 0.55
"""Nuclear stain smaller than this, in red-cell diameters, is a platelet; an erythroblast's nucleus measures 0.75 and
more in 98 of 100 (pbc, training split)."""
DEFAULT_MIN_SCORE = 0.5
"""Near the best F1 of each class on the training splits (`benchmarks/locator.py --split train`)."""
MIN_SIDE_PX = 24
"""Pictures with a shorter side than this are not searched."""
RED_OVERLAP = 0.5
"""Of two red cells whose boxes overlap by more than this (intersection over union) the worse one is dropped."""
RESCALE = 0.15
"""A second pass is made if the measured red cells differ from the guess by more than this (logarithm)."""
HALF_RED_CELLS = (0.8, 0.5, 0.0)
"""About half of a cell's diameter by kind, red-cell diameters: if a rim leaves less of it, its centre is hidden.
A platelet is too small for this test. White and red cells: chosen on round, elliptic and turned fields of bccd,
raabin_fields and chula (96 pictures) and 36 drawn ones, where a box's depth behind the rim less half of the cell's
diameter is off from its true centre's by 0.01 in the median; with 0.4 the drawn ones had 8 % too many red cells."""
_COVERED_BY_WHITE = 0.6
WHITE_SCORE = (-4.0, 6.0, 1.0, 4.0)
RED_SCORE = (-3.62, 2.6, -2.74, 2.03, -1.69, -1.14, 0.26, 2.9, -0.13, -57.63, -0.41)
PLATELET_SCORE = (6.55, 7.25, -40.14, -0.95, 7.55, -2.33, -4.18, 2.81, 4.9, -1.13)
"""Logistic coefficients, the intercept first. Red cells and platelets: fitted on the training splits by
`benchmarks/locator_fit.py`, in the order of `outlines.FEATURES` and `platelets.FEATURES`. White cells: set by hand
(logarithm of the nucleus's size, cell over nucleus, stain), since the training splits hold too few false nuclei; with
them, 206 parts of bccd training fields without a white cell gave no white cell."""


class Locator(Protocol):
    """Finds cells in a field. Constructed once, called for every frame from one thread."""

    def locate(self, view: FieldView) -> Detections:
        """The cells of one field, boxes in pixels of its aperture; all of them on the slide.

        Raises:
            ImageError: if it is not a colour picture of 8 bits.
        """
        ...


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything found in one picture.

    Attributes:
        contrast: the picture at working scale.
        nuclei: (h, w) int32, nuclei of white cells, numbered from 1; 0 elsewhere.
        cells: (h, w) int32, the same white cells including cytoplasm.
        red: candidates for red cells.
        platelets: candidates for platelets.
    """

    contrast: Contrast
    nuclei: NDArray[np.int32]
    cells: NDArray[np.int32]
    red: Candidates
    platelets: Candidates


def analyse(view: FieldView, red_cell_px: float) -> Analysis:
    """All candidates in a field in which red cells measure `red_cell_px`."""
    contrast = measure_contrast(view, WORKING_RED_PX / red_cell_px)
    groups = nucleus_groups(contrast, WORKING_RED_PX)
    area = np.bincount(groups.ravel())[1:]
    white = np.sqrt(area * (4 / np.pi)) > WHITE_NUCLEUS * WORKING_RED_PX
    nuclei = renumbered(groups, white)
    cells = grow_cells(contrast, nuclei, WORKING_RED_PX) if white.any() else nuclei
    covered = cells > 0
    return Analysis(
        contrast,
        nuclei,
        cells,
        outlines.find_outlines(contrast, covered, WORKING_RED_PX),
        platelets.find_platelets(contrast, covered, WORKING_RED_PX),
    )


class OpenCvLocator:
    """A classical locator: optical density, nuclear stain and outlines, no model and no training.

    Args:
        min_score: detections below this score are not reported.
    """

    provenance = "opencv"

    def __init__(self, min_score: float = DEFAULT_MIN_SCORE) -> None:
        self.min_score = min_score

    def locate(self, view: FieldView) -> Detections:
        """The cells of a field; see `Locator.locate`."""
        if is_too_small(view.window):
            return Detections.empty()
        return self._judge(self.analysis(view), view)

    def analysis(self, view: FieldView) -> Analysis:
        """All candidates in a field, from which `locate` selects."""
        check_image(view.window)
        red = view.red_cell_px or guess_red_cell_px(view) or 0.2 * min(view.shape[:2])
        seen = analyse(view, red)
        if view.red_cell_px is None:
            measured = red_cell_diameter_px(self._judge(seen, view), view.aperture)
            if measured is not None and abs(np.log(measured / red)) > RESCALE:
                return analyse(view, measured)
        return seen

    def nuclei(self, view: FieldView) -> NDArray[np.bool_]:
        """(h, w) bool: the nuclei of the white cells of a field."""
        width, height = view.size
        mask = (self.analysis(view).nuclei > 0).astype(np.uint8)
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0

    def _judge(self, analysis: Analysis, view: FieldView) -> Detections:
        white_boxes = boxes_of(analysis.cells)
        red = analysis.red
        red_scores = logistic(red.features, RED_SCORE)
        good = (red_scores >= self.min_score) & (red.features[:, outlines.FEATURES.index("white")] < _COVERED_BY_WHITE)
        red, red_scores = red.select(good), red_scores[good]
        kept = best_of_overlapping(red.boxes, red_scores, RED_OVERLAP)
        small = analysis.platelets
        boxes = np.concatenate([white_boxes, red.boxes[kept], small.boxes])
        scores = np.concatenate([_white_scores(analysis), red_scores[kept], logistic(small.features, PLATELET_SCORE)])
        kinds = np.repeat([WBC, RBC, PLATELET], [len(white_boxes), len(kept), len(small.boxes)]).astype(np.int8)
        width, height = view.size
        limit = np.array([width, height, width, height], np.float32)
        boxes = np.clip(boxes / np.float32(analysis.contrast.factor), 0, limit)
        keep = np.all(boxes[:, 2:] > boxes[:, :2], axis=1) & (scores >= self.min_score)
        keep &= view.aperture.covers(boxes)
        red_px = WORKING_RED_PX / analysis.contrast.factor
        keep &= ~(view.aperture.slivers(boxes, np.array(HALF_RED_CELLS)[kinds] * red_px) & view.aperture.at_rim(boxes))
        return Detections(boxes[keep], kinds[keep], scores[keep])


def _white_scores(analysis: Analysis) -> NDArray[np.float32]:
    """(N,) float32: score of each nucleus as a white cell's, from its size, its cytoplasm and its stain."""
    labels = analysis.nuclei.ravel()
    count = int(labels.max())
    nucleus = np.bincount(labels, minlength=count + 1)[1:]
    cell = np.bincount(analysis.cells.ravel(), minlength=count + 1)[1:]
    stain = np.bincount(labels, analysis.contrast.nuclear.ravel(), count + 1)[1:]
    features = np.stack(
        [
            np.log(np.sqrt(nucleus * (4 / np.pi)) / WORKING_RED_PX),
            np.minimum(cell / nucleus, 2.5),
            np.minimum(stain / nucleus / analysis.contrast.red_density, 1.5),
        ],
        axis=1,
    )
    return logistic(features, WHITE_SCORE)


def is_too_small(image: Image) -> bool:
    """Whether `image` is too small to hold a cell.

    Raises:
        ImageError: unless `image` is (H, W, 3) uint8.
    """
    check_image(image)
    return min(image.shape[:2]) < MIN_SIDE_PX


def check_image(image: Image) -> None:
    """Raises `ImageError` unless `image` is (H, W, 3) uint8."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        msg = f"a picture of shape {image.shape} and type {image.dtype} cannot be analysed."
        raise ImageError(msg, "Give an 8-bit colour picture, (height, width, 3), as OpenCV reads it.")


def find_central_cell(view: FieldView) -> tuple[float, float, float, float] | None:
    """The most central stained cell of a single-cell picture, with or without red cells around; black padding allowed.

    Returns:
        x0, y0, x1, y1 in pixels: the whole cell with its cytoplasm, or the platelet; None where nothing is stained.

    Raises:
        ImageError: if it is not a colour picture of 8 bits.
    """
    if is_too_small(view.window):
        return None
    red = view.red_cell_px or _portrait_scale(view)
    contrast = measure_contrast(view, WORKING_RED_PX / red)
    groups = nucleus_groups(contrast, WORKING_RED_PX)
    if not groups.any():
        return None
    cells = grow_cells(contrast, groups, WORKING_RED_PX)
    central = (cells == _most_central(groups)).astype(np.int32)
    width, height = view.size
    limit = np.array([width, height, width, height])
    x0, y0, x1, y1 = np.minimum(boxes_of(central)[0] / contrast.factor, limit).tolist()
    return x0, y0, x1, y1


def _most_central(nuclei: NDArray[np.int32]) -> int:
    """The number of the stained group that is largest and nearest to the middle."""
    rows, columns = np.nonzero(nuclei)
    number = nuclei[rows, columns]
    area = np.bincount(number)[1:].astype(float)
    height, width = nuclei.shape
    x = np.bincount(number, columns)[1:] / area - width / 2
    y = np.bincount(number, rows)[1:] / area - height / 2
    reach = 0.18 * min(height, width)
    return int(np.argmax(np.sqrt(area) * np.exp(-(x * x + y * y) / (2 * reach * reach)))) + 1


def _portrait_scale(view: FieldView) -> float:
    """Red-cell diameter in pixels of a single-cell picture: from the red cells around it, else from its nucleus."""
    side = min(view.shape[:2])
    contrast = measure_contrast(view, min(1.0, 120 / side))
    height, width = contrast.nuclei.shape
    rows, columns = np.nonzero(contrast.nuclei)
    central = np.hypot(rows - height / 2, columns - width / 2) < 0.35 * min(height, width)
    nucleus = float(np.sqrt(np.count_nonzero(central) * 4 / np.pi)) / contrast.factor
    guess = guess_red_cell_px(view)
    if guess is None or not 0.1 * side < guess < 0.6 * side or nucleus > 1.5 * guess:
        guess = max(nucleus / 1.5, 0.1 * side)
    return guess
