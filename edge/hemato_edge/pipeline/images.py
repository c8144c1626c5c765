"""Pictures from files, without a camera or a store: whole fields (`analyze`), or one cell each (`classify`).

The pictures of one call are one session: their scale and stain are estimated over all of them first, then each is
judged. With `each`, every picture is a stranger to the others and stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from hemato_edge.cameras.picture_files import read_pages
from hemato_edge.errors import CalibrationError, ImageError
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS, UNCLASSIFIED, WBC
from hemato_edge.morphology import confident
from hemato_edge.pipeline.field import Stopwatch
from hemato_edge.pipeline.field_mask import FieldMask
from hemato_edge.values import Detections
from hemato_edge.vision.classify.single_cells import find_cell, learn
from hemato_edge.vision.colours import CHANNELS_SWAPPED, NEGATIVE, NEGATIVE_CELL_LEVEL, colour_fault
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.quality import MOVING, OUT_OF_FOCUS, QualityGate
from hemato_edge.vision.red_cells.outlines import look_at_red_cells
from hemato_edge.vision.red_cells.platelets import clumped_platelets, giant_platelets
from hemato_edge.vision.slide_appearance import WHOLE_SET, AppearanceEstimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Image, Judgement, Quality
    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.red_cells.outlines import RedCellLook
    from hemato_edge.vision.red_cells.shapes import ShapeNamer
    from hemato_edge.vision.slide_appearance import SlideAppearance

T = TypeVar("T", covariant=True)
FIELD_RED_SQUARES = 26.0
"""Least area of a whole field, squares of a red cell's diameter: fields of bccd have 31, drawn ones 55, chula 160, iml
225; pictures of one cell of pbc have 20, raabin_typed 17, moticam 9, isfahan 5."""
UNNAMED = (OUT_OF_FOCUS, MOVING, NEGATIVE, CHANNELS_SWAPPED)
"""What a picture is rejected for whose cells are found, and get no names unless somebody asks for them."""


@dataclass(frozen=True, slots=True)
class FieldPicture:
    """A field of view from a file, analysed.

    Attributes:
        path: the file.
        image: (H, W, 3) uint8 BGR.
        detections: what the locator found.
        judged: index into `detections` → the classifier's answer.
        quality: the gate's verdict; a picture is analysed even where a live frame would have been rejected.
        latency_ms: stage → milliseconds.
        aperture: what of the picture is slide.
        red_cells: those that stand free, boxes in pixels of the aperture; None where nobody asked, or it is blurred.
        platelets: "giant" and "clumped" → platelets.
        shapes: (n,) index into `counting.red_cells.shapes.SHAPES` of red cells with an outline to themselves, -1 for
            one without a name; None where nobody named them.
    """

    path: Path
    image: Image
    detections: Detections
    judged: dict[int, Judgement]
    quality: Quality
    latency_ms: dict[str, float]
    aperture: Aperture
    red_cells: RedCellLook | None = None
    platelets: dict[str, int] = field(default_factory=dict)
    shapes: NDArray[np.intp] | None = None

    def as_json(self) -> dict[str, object]:
        """The object that `hemato-edge analyze` prints."""
        height, width = self.image.shape[:2]
        cells = []
        for i, (box, kind, score) in enumerate(
            zip(self.detections.boxes, self.detections.kinds, self.detections.scores, strict=True)
        ):
            cell: dict[str, object] = {
                "kind": KINDS[kind],
                "box": [round(float(v), 1) for v in box],
                "score": round(float(score), 4),
            }
            if i in self.judged:
                cell.update(judgement_as_json(self.judged[i]))
            cells.append(cell)
        return {
            "path": str(self.path),
            "width": width,
            "height": height,
            "counts": self.detections.counts(),
            "cells": cells,
            "quality": {"reject": self.quality.reject, **{k: round(v, 4) for k, v in self.quality.measures.items()}},
            "field_of_view": {"slide_share": round(self.aperture.share, 4), "left_out": list(self.aperture.kinds)},
            "latency_ms": {k: round(v, 3) for k, v in self.latency_ms.items()},
            "red_cells": None if self.red_cells is None else self.red_cells.as_json(),
            "platelets": self.platelets,
        }


@dataclass(frozen=True, slots=True)
class CellPicture:
    """A picture of one cell, judged.

    Attributes:
        path: the file.
        image: (H, W, 3) uint8 BGR.
        box: (4,) float32 xyxy, where the cell is, pixels; the whole picture if no stained cell stands out.
        look: the scale and stain it was judged with.
        judgement: the classifier's answer; "unclassified" where the picture is blurred or has no smear's colours.
        reject: why a field like it would be rejected, or None.
    """

    path: Path
    image: Image
    box: NDArray[np.float32]
    look: SlideAppearance
    judgement: Judgement
    reject: str | None = None

    @property
    def looks_like_field(self) -> bool:
        """Whether it shows so much around the cell that it is a whole field rather than one cell's picture."""
        height, width = self.image.shape[:2]
        return height * width > FIELD_RED_SQUARES * self.look.red_cell_px**2

    def as_json(self) -> dict[str, object]:
        """The object that `hemato-edge classify` prints."""
        return {"path": str(self.path), **judgement_as_json(self.judgement), "reject": self.reject}


def judgement_as_json(judgement: Judgement) -> dict[str, object]:
    """Label, confidence, probabilities by label, and the attributes that are sure, as the command line prints them."""
    sure = [one.as_json() for one in confident(judgement.attributes, judgement.label)]
    return {
        "label": judgement.label,
        "confidence": round(judgement.confidence, 4),
        "probabilities": {
            name: round(float(p), 5) for name, p in zip(CLASSIFIER_LABELS, judgement.probabilities, strict=True)
        },
        "unclassified": judgement.label == UNCLASSIFIED,
        **({"attributes": sure} if sure else {}),
    }


def analyze_pictures(
    paths: Iterable[Path],
    gate: QualityGate,
    locator: Locator,
    classifier: TFLiteClassifier,
    *,
    each: bool = False,
    name_blurred: bool = False,
    red_cells: bool = True,
    shapes: ShapeNamer | None = None,
    failed: Callable[[ImageError], None],
    step: Callable[[], None] = lambda: None,
) -> Iterator[FieldPicture]:
    """Fields of view from files, one after another.

    Args:
        paths: the files.
        gate: measures the quality, which is told; a picture is located whatever it is like.
        locator: finds the cells.
        classifier: names the white ones.
        each: estimate scale and stain for every picture alone.
        name_blurred: name the cells of pictures, too, that are out of focus or smeared.
        red_cells: whether red cells and platelets are looked at one by one.
        shapes: names shapes of red cells; None: nobody does.
        failed: called with the error of a picture that cannot be analysed; it is left out.
        step: called once for each picture and pass, for a progress bar (two passes, with `each` one).
    """
    analyst = _Analyst(gate, locator, classifier, each=each, name_blurred=name_blurred)
    analyst.look_at_red_cells, analyst.shapes = red_cells, shapes
    return _in_two_passes(list(paths), analyst, each=each, failed=failed, step=step)


class _Passes(Protocol[T]):
    """What is done with the pictures of one call."""

    def learn(self, image: Image, looks: AppearanceEstimator) -> None:
        """Take scale and stain of a picture into `looks`."""
        ...

    def judge(self, path: Path, image: Image, looks: AppearanceEstimator) -> T:
        """A picture's answers, found with the scale and stain in `looks`."""
        ...


def _in_two_passes(
    paths: list[Path],
    analyst: _Passes[T],
    *,
    each: bool,
    failed: Callable[[ImageError], None],
    step: Callable[[], None],
) -> Iterator[T]:
    """Learn the look over all pictures, then judge them one by one; with `each` every picture has a look of its own."""
    shared = AppearanceEstimator(WHOLE_SET)
    for path in () if each else paths:
        try:
            for image in read_pages(path):
                analyst.learn(image, shared)
        except ImageError:
            continue  # told in the second pass
        finally:
            step()
    for path in paths:
        try:
            pages = read_pages(path)
            for number, image in enumerate(pages):
                name = path if len(pages) == 1 else path.with_name(f"{path.name}[{number + 1}]")
                yield analyst.judge(name, image, AppearanceEstimator() if each else shared)
        except ImageError as error:
            error.file = path
            failed(error)
        finally:
            step()


class _Analyst:
    """Looks at whole fields: those who see, and what of the pictures is slide.

    Attributes:
        look_at_red_cells: whether red cells and platelets are looked at one by one.
        shapes: names shapes of red cells; None: nobody does.
    """

    def __init__(
        self, gate: QualityGate, locator: Locator, classifier: TFLiteClassifier, *, each: bool, name_blurred: bool
    ) -> None:
        self._gate, self._locator, self._classifier = gate, locator, classifier
        self._mask, self._each, self._name_blurred = FieldMask(), each, name_blurred
        self.look_at_red_cells = True
        self.shapes: ShapeNamer | None = None

    def learn(self, image: Image, looks: AppearanceEstimator) -> None:
        """Scale, stain and focus of one picture."""
        view = FieldView(image, self._mask.of_picture(image))
        looks.add_field(view, self._locator.locate(view))
        _learn_focus(self._gate, view, looks)

    def judge(self, path: Path, image: Image, looks: AppearanceEstimator) -> FieldPicture:
        """One picture, analysed."""
        watch = Stopwatch()
        mask = FieldMask() if self._each else self._mask  # a stranger's bars tell nothing of this one's
        aperture = mask.of_picture(image)
        view = FieldView(image, aperture, red_cell_px=looks.red_cell_px)
        with watch.stage("locate"):
            detections = self._locator.locate(view)
        if looks.appearance() is None:
            looks.add_field(view, detections)
        with watch.stage("quality"):
            quality = self._gate.assess(view.at_scale(looks.red_cell_px), least_focus=looks.focus.least())
        look = looks.appearance()
        judged: dict[int, Judgement] = {}
        with watch.stage("classify"):
            white = np.flatnonzero(detections.kinds == WBC)
            named = self._name_blurred or not _unfit_for_names(self._gate, quality, looks)
            if len(white) and look is not None and named:
                answers = self._classifier.judge(view, detections.boxes[white], look)
                judged = {int(i): answer for i, answer in zip(white, answers, strict=True)}
        red, platelets, shapes = None, {}, None
        if look is not None and self.look_at_red_cells and not _unfit_for_names(self._gate, quality, looks):
            with watch.stage("red_cells"):
                red, platelets = look_at_red_cells(view, detections), _platelets(detections, look.red_cell_px)
                shapes = None if self.shapes is None else self.shapes.name(view, red, look.red_cell_px)
        found = _in_picture(detections, aperture)
        return FieldPicture(path, image, found, judged, quality, watch.latency_ms, aperture, red, platelets, shapes)


def _platelets(detections: Detections, red_cell_px: float) -> dict[str, int]:
    giant, clumped = giant_platelets(detections, red_cell_px), clumped_platelets(detections, red_cell_px)
    return {"giant": int(np.count_nonzero(giant)), "clumped": int(np.count_nonzero(clumped))}


def _learn_focus(gate: QualityGate, view: FieldView, looks: AppearanceEstimator) -> None:
    """How sharp one picture is, at the scale that is known so far."""
    quality = gate.assess(view.at_scale(looks.red_cell_px), colours=False)
    if gate.tells_focus(quality):
        looks.focus.add(quality.measures["focus"])


def _unfit_for_names(gate: QualityGate, quality: Quality, looks: AppearanceEstimator) -> bool:
    """Whether the cells of a picture get no names: a blurred picture may be too dense or too bright as well."""
    return quality.reject in UNNAMED or gate.blur(quality.measures, looks.focus.least()) is not None


def _in_picture(detections: Detections, aperture: Aperture) -> Detections:
    """Detections of an aperture in pixels of its picture."""
    corner = np.array(aperture.origin * 2, np.float32)
    return Detections(detections.boxes + corner, detections.kinds, detections.scores)


def classify_pictures(
    paths: Iterable[Path],
    locator: Locator,
    classifier: TFLiteClassifier,
    *,
    gate: QualityGate | None = None,
    each: bool = False,
    name_blurred: bool = False,
    failed: Callable[[ImageError], None],
    step: Callable[[], None] = lambda: None,
) -> Iterator[CellPicture]:
    """Pictures of one cell each, one after another; see `analyze_pictures` for the arguments.

    Raises:
        CalibrationError: if no picture shows anything by which to tell the scale.
    """
    analyst = _CellAnalyst(gate or QualityGate(), locator, classifier, name_blurred=name_blurred)
    return _in_two_passes(list(paths), analyst, each=each, failed=failed, step=step)


class _CellAnalyst:
    """Looks at pictures of one cell each; a larger one may show bars or a round field as a whole field does."""

    def __init__(
        self, gate: QualityGate, locator: Locator, classifier: TFLiteClassifier, *, name_blurred: bool
    ) -> None:
        self._gate, self._locator, self._classifier = gate, locator, classifier
        self._gate_of_one = replace(gate, check_colours=False, min_covered_share=0.0, max_covered_share=1.0)
        self._mask, self._name_blurred = FieldMask(), name_blurred

    def learn(self, image: Image, looks: AppearanceEstimator) -> None:
        """Scale, stain and focus of one picture."""
        view = FieldView(image, self._mask.of_picture(image))
        learn(view, find_cell(view), self._locator, looks)
        _learn_focus(self._gate_of_one, view, looks)

    def judge(self, path: Path, image: Image, looks: AppearanceEstimator) -> CellPicture:
        """One picture, named."""
        if looks.appearance() is None:
            self.learn(image, looks)
        look = looks.appearance()
        if look is None:
            raise CalibrationError(
                f"Nothing in {path} tells its scale: there is neither a red cell nor a stained cell.",
                "Give pictures of stained cells, or several of one slide together.",
            )
        aperture = self._mask.of_picture(image)
        view = FieldView(image, aperture, red_cell_px=look.red_cell_px)
        box = find_cell(view).box
        judgement = self._classifier.judge(view, box[None], look)[0]
        quality = self._assess(view, looks.focus.least())
        if _unfit_for_names(self._gate, quality, looks) and not self._name_blurred:
            judgement = replace(judgement, label=UNCLASSIFIED)
        corner = np.array(aperture.origin * 2, np.float32)
        return CellPicture(path, image, box + corner, look, judgement, quality.reject)

    def _assess(self, view: FieldView, least_focus: float) -> Quality:
        """What the gate says of the picture, as far as it holds for a single cell too."""
        fault = colour_fault(view, NEGATIVE_CELL_LEVEL) if self._gate.check_colours else None
        quality = self._gate_of_one.assess(view, least_focus=least_focus)
        return replace(quality, reject=fault or quality.reject)
