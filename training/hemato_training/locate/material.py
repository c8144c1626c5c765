"""Training data of a locator: fields at training scale, and their unreliable places.

Annotations are never complete. If the red cells of a field are not annotated, none of it counts as background for them.
If a data set's platelets are mostly not annotated, possible platelets do not count either. And half way through a run,
unannotated places where the network itself is confident stop counting as background.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS, PLATELET, RBC
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.candidates import box_overlap
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.locate.windows import with_even_background
from hemato_edge.vision.optics.resizing import resize
from hemato_edge.vision.scale import ScaleEstimator, red_cell_diameter_px
from hemato_training.data.field_sets import load_fields
from hemato_training.data.records import in_split, split_hash, thin
from hemato_training.locate.views import Drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections, Image
    from hemato_training.data.field_sets import Field
    from hemato_training.progress import Reporter

FEW_RED_CELLS = 3
"""A field with so few red-cell boxes has unannotated red cells: 15 fields of bccd have none, 19 at most this many,
though their pictures are full of them."""
UNDRAWN_PLATELETS = frozenset({"raabin_fields"})
"""Data sets whose platelets are mostly not annotated."""
DOUBT_SCORE = 0.7
"""Minimum score at which an unannotated detection of the network is doubtful. High, because annotators left out cells
at the border and in clumps on purpose, and a network that has learned which ones gives those lower scores."""
LIGHT_DOUBT_SCORE = 0.2
"""Minimum score for a mostly unannotated kind, also for the classical locator."""
_SAME_CELL = 0.3
_ROOM = 1.3
"""Fields are stored at this multiple of the standard scale: enlarged views stay sharp, pictures stay small."""
_SCALE_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Material:
    """Data of a run.

    Attributes:
        train: training fields as read.
        drawn: the same at training scale, with doubtful places.
        val: validation fields.
        red_cell_px: data set → red-cell diameter, pixels, as estimated by a session of the device.
        splits: data set → split hash.
    """

    train: list[Field]
    drawn: list[Drawn]
    val: list[Field]
    red_cell_px: dict[str, float]
    splits: dict[str, str]


def gather(
    data: Path, names: Sequence[str], red_cell_px: float, out: Path, reporter: Reporter, limit: int = 0
) -> Material:
    """Read fields, measure each data set's scale, and find doubtful places with the classical locator.

    Args:
        data: directory with one folder per data set.
        names: keys of `field_sets.FIELD_SETS`.
        red_cell_px: standard diameter of a red cell, pixels.
        out: folder of the run; measurements are saved there.
        reporter: for progress.
        limit: maximum fields of each set and split; 0 for all.

    Raises:
        DataError: data are missing or leak, a split is empty, or a set shows no red cells.
    """
    fields = load_fields(data, tuple(names))
    if limit:
        fields = thin(fields, limit)
    train, val = in_split(fields, "train"), in_split(fields, "val")
    if not train or not val:
        raise DataError("One of the splits is empty.", "Check the column split of the index files.")
    scales = _scales(train, out, reporter)
    locator = OpenCvLocator(LIGHT_DOUBT_SCORE)
    drawn = [
        _at_training_scale(field, scales[field.laboratory], red_cell_px)
        for field in reporter.track(train, "reading fields", len(train))
    ]
    material = Material(
        train, drawn, val, scales, {n: split_hash(f for f in fields if f.laboratory == n) for n in names}
    )
    return with_doubts(
        material,
        lambda field, image: locator.locate(FieldView(image, red_cell_px=scales[field.laboratory])),
        reporter,
        is_network=False,
    )


def with_doubts(
    material: Material, locate: Callable[[Field, Image], Detections], reporter: Reporter, *, is_network: bool
) -> Material:
    """The material with all unannotated detections of `locate` in training fields as doubtful.

    Args:
        material: its doubtful places are replaced.
        locate: finds the cells of a field.
        reporter: for progress.
        is_network: whether `locate` is a network trained on these fields; otherwise only mostly unannotated kinds
            count, since the classical locator is no match for annotators.
    """
    drawn = []
    for field, picture in reporter.track(
        zip(material.train, material.drawn, strict=True), "searching for unannotated cells", len(material.train)
    ):
        image = field.image()
        boxes, kinds = doubtful_of(field, locate(field, image), image.shape, is_network=is_network)
        ratio = picture.image.shape[1] / image.shape[1]
        drawn.append(replace(picture, doubtful=boxes * np.float32(ratio), doubtful_kinds=kinds))
    return replace(material, drawn=drawn)


def doubtful_of(
    field: Field, found: Detections, shape: tuple[int, ...], *, is_network: bool
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Boxes (M, 4) and kinds (M,) of possible unannotated cells.

    Args:
        field: with its annotated boxes.
        found: a locator's detections.
        shape: (H, W, …) of the field, pixels.
        is_network: see `with_doubts`.
    """
    boxes, kinds = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.intp)]
    for kind in range(len(KINDS)):
        undrawn = kind == PLATELET and field.laboratory in UNDRAWN_PLATELETS
        least = LIGHT_DOUBT_SCORE if undrawn else DOUBT_SCORE if is_network else np.inf
        mine = found.of_kind(kind)
        mine = mine.select(mine.scores >= least)
        overlap = box_overlap(mine.boxes, field.boxes.of_kind(kind))
        own = mine.boxes[overlap.max(axis=1, initial=0) < _SAME_CELL]
        if kind == RBC and not is_sound(field):
            # an ellipse around the whole field, corners included
            height, width = shape[:2]
            own = np.array([[-width, -height, 2 * width, 2 * height]], np.float32)
        boxes.append(own)
        kinds.append(np.full(len(own), kind, np.intp))
    return np.concatenate(boxes), np.concatenate(kinds)


def is_sound(field: Field) -> bool:
    """Whether the red cells of a field are annotated at all."""
    return int(np.count_nonzero(field.boxes.kinds == RBC)) > FEW_RED_CELLS


def _at_training_scale(field: Field, own_red_px: float, red_cell_px: float) -> Drawn:
    image = field.image()
    factor = min(1.0, _ROOM * red_cell_px / own_red_px)
    small = with_even_background(resize(image, factor), FieldView(image).background)
    ratio = small.shape[1] / image.shape[1]
    boxes = field.boxes.xyxy * np.float32(ratio)
    none = np.zeros((0, 4), np.float32)
    return Drawn(small, red_cell_px / own_red_px / ratio, boxes, field.boxes.kinds, none, np.zeros(0, np.intp))


def _scales(fields: Sequence[Field], out: Path, reporter: Reporter) -> dict[str, float]:
    """Data set → red-cell diameter in pixels: the median over fields, measured by the classical locator."""
    path = out / "scales.json"
    if path.is_file():
        kept: dict[str, float] = json.loads(path.read_text())
        if kept.keys() >= {field.laboratory for field in fields}:
            return kept
    scales = {name: measure_scale(own, reporter) for name, own in _by_set(fields).items()}
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(scales, indent=1))
    return scales


def measure_scale(fields: Sequence[Field], reporter: Reporter) -> float:
    """Red-cell diameter in pixels of one data set, as estimated by a session over it.

    Raises:
        DataError: no field shows red cells.
    """
    chosen = fields[:: max(1, len(fields) // _SCALE_FIELDS)]
    locator, estimator = OpenCvLocator(), ScaleEstimator(len(chosen))
    for field in reporter.track(chosen, f"scale of {chosen[0].laboratory}", len(chosen)):
        diameter = red_cell_diameter_px(locator.locate(FieldView(field.image())))
        if diameter is not None:
            estimator.add(diameter)
    if estimator.red_cell_px is None:
        raise DataError(
            f"No red cells were found in {chosen[0].laboratory}.", "Check that the folder holds stained smears."
        )
    return estimator.red_cell_px


def _by_set(fields: Sequence[Field]) -> dict[str, list[Field]]:
    names = dict.fromkeys(field.laboratory for field in fields)
    return {name: [field for field in fields if field.laboratory == name] for name in names}
