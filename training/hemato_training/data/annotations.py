"""Drawn boxes as files hold them: Pascal VOC and YOLO text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS
from hemato_training.data.class_names import kind_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_AGAIN = "Get the data set again."


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of one picture.

    Attributes:
        xyxy: (N, 4) float32, x0 y0 x1 y1 in pixels, each with an area.
        kinds: (N,) intp, indices into `labels.KINDS`.
        degenerate: how many boxes without area the file held besides.
        labels: the cell type of each box, one of `labels.CLASSIFIER_LABELS` or empty; () where no file ever said one.
    """

    xyxy: NDArray[np.float32]
    kinds: NDArray[np.intp]
    degenerate: int = 0
    labels: tuple[str, ...] = ()

    def of_kind(self, kind: int) -> NDArray[np.float32]:
        """(n, 4) float32: the boxes of one kind."""
        boxes: NDArray[np.float32] = self.xyxy[self.kinds == kind]
        return boxes


def read_voc(path: Path) -> Boxes:
    """The boxes of a Pascal VOC file.

    Raises:
        DataError: if the file is missing or no VOC file, or an object has an unknown name or lacks a corner.
    """
    try:
        tree = ElementTree.parse(path)  # noqa: S314 - local files that the person named; expat resolves no entities
    except (OSError, ElementTree.ParseError) as error:
        raise DataError(f"The annotation {path} cannot be read.", _AGAIN) from error
    rows: list[tuple[float, ...]] = []
    labels: list[str] = []
    for item in tree.iter("object"):
        name = (item.findtext("name") or "").strip()
        try:
            kind, label = kind_named(name)
        except DataError as error:
            raise DataError(f"{path} has an object {name!r}.", error.fix) from error
        labels.append(label)
        corners = [item.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        try:
            rows.append((kind, *(float(corner) for corner in corners if corner is not None)))
        except ValueError as error:
            raise DataError(f"A corner in {path} is no number.", _AGAIN) from error
        if None in corners:
            raise DataError(f"A box in {path} lacks a corner.", _AGAIN)
    return _boxes(rows, labels)


def read_yolo(path: Path, width: int, height: int, names: Sequence[str] = KINDS) -> Boxes:
    """The boxes of a YOLO text file (a line a box: kind, centre and size as shares of the picture).

    Args:
        path: the text file.
        width: of its picture, pixels.
        height: of its picture, pixels.
        names: what the numbers 0, 1, … stand for.

    Raises:
        DataError: if the file is missing, a line is no box, or a name is unknown.
    """
    meanings = [kind_named(name) for name in names]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The annotation {path} cannot be read.", _AGAIN) from error
    rows: list[tuple[float, ...]] = []
    labels: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            kind, x, y, w, h = (float(part) for part in line.split()[:5])
        except ValueError as error:
            raise DataError(f"Line {number} of {path} is no box.", _AGAIN) from error
        if kind not in range(len(meanings)):
            raise DataError(f"Line {number} of {path} has the kind {kind:g}.", f"Known: 0 to {len(meanings) - 1}.")
        meant, label = meanings[int(kind)]
        labels.append(label)
        rows.append((meant, (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height))
    return _boxes(rows, labels)


def _boxes(rows: list[tuple[float, ...]], labels: list[str]) -> Boxes:
    table = np.array(rows, np.float32).reshape(-1, 5)
    sound = np.all(table[:, 3:] > table[:, 1:3], axis=1)
    good = table[sound]
    kept = tuple(label for label, whole in zip(labels, sound, strict=True) if whole)
    degenerate = int(np.count_nonzero(~sound))
    return Boxes(np.ascontiguousarray(good[:, 1:]), good[:, 0].astype(np.intp), degenerate, kept)
