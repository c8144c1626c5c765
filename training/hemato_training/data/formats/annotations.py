"""Bounding boxes in annotation files: Pascal VOC and YOLO text, and what all formats have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS
from hemato_training.data.formats.class_names import UnknownObjectError, is_among, kind_named
from hemato_training.data.formats.number_names import typed
from hemato_training.data.formats.text_files import read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_AGAIN = "Get the data set again."
_SHARE_SLACK = 1e-3
"""Tolerance beyond 0…1: tools round, and clip polygons to the picture's last pixel or its border."""
_ASPECT_SLACK = 0.01
"""Relative difference of two sides' scales up to which one factor explains both; sides are whole pixels."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of one picture.

    Attributes:
        xyxy: (N, 4) float32, x0 y0 x1 y1 in pixels, each with an area.
        kinds: (N,) intp, indices into `labels.KINDS`.
        degenerate: number of further boxes without area.
        labels: the cell type of each box, one of `labels.CLASSIFIER_LABELS` or empty; () if no file gives any.
        ignored: number of boxes left out on request.
        scaled: True if the file gives another picture size, and the boxes were rescaled to the actual one.
        turned: number of `xyxy` whose corners the file gives in another order: drawn from right to left, or upwards.
    """

    xyxy: NDArray[np.float32]
    kinds: NDArray[np.intp]
    degenerate: int = 0
    labels: tuple[str, ...] = ()
    ignored: int = 0
    scaled: bool = False
    turned: int = 0

    def of_kind(self, kind: int) -> NDArray[np.float32]:
        """(n, 4) float32: the boxes of one kind."""
        boxes: NDArray[np.float32] = self.xyxy[self.kinds == kind]
        return boxes


@dataclass(frozen=True, slots=True)
class Drawn:
    """The objects that a file gives for one picture, under its own names.

    Attributes:
        objects: name and x0 y0 x1 y1 of each box.
        size: width and height of the annotated picture; None if the file does not say.
    """

    objects: tuple[tuple[str, tuple[float, float, float, float]], ...]
    size: tuple[float, float] | None = None

    def boxes(self, where: str, pixels: tuple[int, int] | None = None, ignore: Collection[str] = ()) -> Boxes:
        """The boxes in the picture's pixels. Two opposite corners make a box, in whichever order the file has them.

        Args:
            where: the file, for messages.
            pixels: width and height of the picture; None leaves the boxes unscaled.
            ignore: names of objects to leave out.

        Raises:
            UnknownObjectError: an object's name is unknown.
            OutsideError: the middle of a box lies outside of the picture.
            DataError: the file is for a picture of another shape, or a side is no finite number.
        """
        across = down = 1.0
        if pixels is not None and self.size is not None:
            across, down = _scales(self.size, pixels, where)
        rows, labels, ignored, turned = [], [], 0, 0
        for name, (x0, y0, x1, y1) in self.objects:
            if is_among(name, ignore):
                ignored += 1
                continue
            try:
                kind, label = kind_named(name)
            except UnknownObjectError as error:
                raise UnknownObjectError(f"{where} has an object {name!r}.", error.fix, name) from error
            if not all(map(math.isfinite, (x0, y0, x1, y1))):
                raise DataError(f"A side of a box in {where} is no finite number.", _AGAIN)
            labels.append(label)
            turned += x0 != x1 and y0 != y1 and (x0 > x1 or y0 > y1)
            (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
            rows.append((kind, x0 * across, y0 * down, x1 * across, y1 * down))
        table = np.array(rows, np.float32).reshape(-1, 5)
        if pixels is not None:
            _check_inside(table[:, 1:], pixels, where)
        sound = np.all(table[:, 3:] > table[:, 1:3], axis=1)
        good = table[sound]
        kept = tuple(label for label, whole in zip(labels, sound, strict=True) if whole)
        return Boxes(
            np.ascontiguousarray(good[:, 1:]),
            good[:, 0].astype(np.intp),
            int(np.count_nonzero(~sound)),
            kept,
            ignored,
            (across, down) != (1.0, 1.0),
            turned,
        )


class UnknownNumberError(DataError):
    """A YOLO row has a class number without a name; `fix` holds the option for numbers from 1."""


class OutsideError(DataError):
    """A box lies outside of its picture, so the coordinates are of another one.

    Attributes:
        reach: how many times as far as the picture the boxes reach.
    """

    def __init__(self, message: str, fix: str, reach: float) -> None:
        super().__init__(message, fix)
        self.reach = reach


def read_voc(path: Path, pixels: tuple[int, int] | None = None, ignore: Collection[str] = ()) -> Boxes:
    """The boxes of a Pascal VOC file.

    Args:
        path: the file.
        pixels: width and height of its picture, to check its `<size>` against; None trusts the file.
        ignore: names of objects to leave out.

    Raises:
        DataError: the file is missing or no VOC file, an object has an unknown name or lacks a corner, or `<size>`
            has another shape than the picture.
    """
    return _drawn_voc(path).boxes(str(path), pixels, ignore)


def read_yolo(
    path: Path,
    width: int,
    height: int,
    names: Sequence[str] | Mapping[int, str] = KINDS,
    ignore: Collection[str] = (),
    keypoint_columns: int = 0,
) -> Boxes:
    """The boxes of a YOLO text file: one line per object, sides as shares of the picture.

    A line has a number, centre and size (and possibly a confidence), or a number and the corners of a polygon, whose
    bounding box is used.

    Args:
        path: the text file.
        width: of its picture, pixels.
        height: of its picture, pixels.
        names: meaning of the numbers; of a sequence 0, 1, ….
        ignore: names of objects to leave out.
        keypoint_columns: number of keypoint columns after the box.

    Raises:
        DataError: the file is missing, a line is no box or extends beyond the picture, or a name is unknown.
    """
    meanings = dict(names) if hasattr(names, "keys") else dict(enumerate(names))
    objects = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        kind, (x0, y0, x1, y1) = _yolo_row(line.split(), f"Line {number} of {path}", keypoint_columns)
        if kind not in meanings:
            raise UnknownNumberError(
                f"Line {number} of {path} has the class number {kind:g}; named are "
                f"{', '.join(f'{n} {name}' for n, name in sorted(meanings.items()))}.",
                f"If the numbers begin at 1, say so: {typed(meanings, 1)}.",
            )
        objects.append((meanings[int(kind)], (x0 * width, y0 * height, x1 * width, y1 * height)))
    return Drawn(tuple(objects)).boxes(str(path), None, ignore)


def extent(points: Iterable[float]) -> tuple[float, float, float, float]:
    """Bounding box (x0 y0 x1 y1) of a polygon given as x y x y …, pixels or shares."""
    sides = list(points)
    return min(sides[0::2]), min(sides[1::2]), max(sides[0::2]), max(sides[1::2])


def _yolo_row(words: list[str], where: str, keypoint_columns: int) -> tuple[float, tuple[float, float, float, float]]:
    try:
        kind, *sides = (float(word) for word in words)
    except ValueError as error:
        raise DataError(f"{where} is no box.", _AGAIN) from error
    if keypoint_columns and len(sides) == 4 + keypoint_columns:
        sides = sides[:4]
    box = len(sides) in (4, 5)
    if not box and (len(sides) < 6 or len(sides) % 2):
        raise DataError(
            f"{where} has {len(words)} columns.",
            "A box has 5, or 6 with a confidence; a polygon 7, 9, 11 and so on.",
        )
    if not all(-_SHARE_SLACK <= side <= 1 + _SHARE_SLACK for side in sides):
        wrong = next(side for side in sides if not -_SHARE_SLACK <= side <= 1 + _SHARE_SLACK)
        raise DataError(
            f"{where} has {wrong:g} where a share of the picture belongs, 0 to 1.",
            "If these are pixels, export the annotations again as YOLO, or as Pascal VOC or COCO, which hold pixels.",
        )
    if not box:
        return kind, extent(sides)
    x, y, w, h = sides[:4]
    return kind, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def _drawn_voc(path: Path) -> Drawn:
    try:
        tree = ElementTree.parse(path)  # noqa: S314 - local files named by the user; expat resolves no entities
    except (OSError, ElementTree.ParseError, ValueError) as error:  # ValueError: an encoding that is unknown
        raise DataError(f"The annotation {path} cannot be read: {error}.", _AGAIN) from error
    objects = []
    for item in tree.iter("object"):
        corners = [(item.findtext(f"bndbox/{side}") or "").strip() for side in ("xmin", "ymin", "xmax", "ymax")]
        if "" in corners:
            raise DataError(f"A box in {path} lacks a corner.", _AGAIN)
        try:
            x0, y0, x1, y1 = map(float, corners)
        except ValueError as error:
            raise DataError(f"A corner in {path} is no number.", _AGAIN) from error
        objects.append(((item.findtext("name") or "").strip(), (x0, y0, x1, y1)))
    try:
        width, height = (float(tree.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    except ValueError as error:
        raise DataError(f"The size in {path} is no number.", _AGAIN) from error
    return Drawn(tuple(objects), (width, height) if min(width, height) > 0 else None)


def _check_inside(boxes: NDArray[np.float32], pixels: tuple[int, int], where: str) -> None:
    """Raise OutsideError if the middle of a box (N, 4) x0 y0 x1 y1 lies beyond a picture of `pixels`."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    beyond = np.any((middles > pixels) | (middles < 0), axis=1)
    if beyond.any():
        reach = float((boxes[:, 2:] / pixels).max())
        raise OutsideError(
            f"{where} has {np.count_nonzero(beyond)} of {len(boxes)} boxes outside of its picture of "
            f"{pixels[0]}×{pixels[1]} pixels.",
            "Use the pictures that were annotated.",
            reach,
        )


def _scales(declared: tuple[float, float], pixels: tuple[int, int], where: str) -> tuple[float, float]:
    """Scale factors (x, y) from the declared size to the actual one; 1, 1 if the file declares none."""
    width, height = declared
    if min(declared) <= 0 or (width, height) == pixels:
        return 1.0, 1.0
    across, down = pixels[0] / width, pixels[1] / height
    slack = max(_ASPECT_SLACK, 1.5 / min(*declared, *pixels))
    if abs(across / down - 1) > slack:
        raise DataError(
            f"{where} is for a picture of {width:g}×{height:g} pixels, but it has {pixels[0]}×{pixels[1]}.",
            "Use the pictures that were annotated, or annotate these.",
        )
    return across, down
