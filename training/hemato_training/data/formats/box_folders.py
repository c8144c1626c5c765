"""Folders of fields of view with bounding boxes: Pascal VOC, YOLO text and COCO JSON, with or without an index."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS, WBC
from hemato_training.data.formats.annotations import Boxes, OutsideError, UnknownNumberError, read_voc, read_yolo
from hemato_training.data.formats.class_names import UnknownObjectError, label_named, unknown_objects
from hemato_training.data.formats.coco import read_coco
from hemato_training.data.formats.index_csv import INDEX, picture_path, read_index
from hemato_training.data.formats.number_names import HOW, Numbering, check_beginning, find_numbering, is_list_of_names
from hemato_training.data.formats.picture_names import PictureNames
from hemato_training.data.formats.picture_set import GROUP_COLUMNS, SPLIT_WORDS, Cell, Picture, PictureSet, split_of
from hemato_training.data.formats.split_lists import is_split_list, listed_splits
from hemato_training.data.formats.text_files import read_text
from hemato_training.data.pictures import picture_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hemato_training.data.formats.reading import Reading

_OFTEN = 10
"""Of so many pictures one with boxes outside of it is no slip of a hand."""
_HOLDERS = frozenset({"images", "image", "jpegimages", "annotations", "annotation", "labels", "label", "img"})
"""Names of folders that only separate pictures from annotations."""


class _Twins:
    """Finds the annotation of a picture: by the same path except for `_HOLDERS`, else by the same name.

    Args:
        annotations: the files.
        files: the pictures.
        folder: their common root.
    """

    def __init__(self, annotations: Iterable[Path], files: Iterable[Path], folder: Path) -> None:
        self._folder = folder
        self._by_place = {_place(path, folder): path for path in annotations}
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in self._by_place.values():
            self._by_stem[path.stem].append(path)
        self._stems: dict[str, int] = defaultdict(int)
        for path in files:
            self._stems[path.stem] += 1

    def of(self, picture: Path) -> Path | None:
        """The annotation of a picture, or None."""
        found = self._by_place.get(_place(picture, self._folder))
        if found is None and self._stems[picture.stem] == 1 and len(self._by_stem.get(picture.stem, ())) == 1:
            return self._by_stem[picture.stem][0]
        return found


@dataclass(frozen=True, slots=True)
class _Source:
    """The boxes of a folder.

    Attributes:
        layout: a key of `picture_set.LAYOUTS`.
        boxes: picture → its boxes, or None without annotation; raises DataError for an invalid one.
        splits: picture → split, if a list or the annotations give it.
        pictures: those named in the annotations; None: every picture in the folder.
        check: raises DataError if what was read says that the whole cannot be told; called once all boxes are read.
    """

    layout: str
    boxes: Callable[[Path], Boxes | None]
    splits: Mapping[Path, str]
    pictures: tuple[Path, ...] | None = None
    check: Callable[[], None] = lambda: None


def read_box_folder(folder: Path, files: list[Path], reading: Reading) -> PictureSet | None:
    """All fields of a folder with bounding boxes, or None if it has none of these layouts.

    Raises:
        DataError: an index, a split list or the file of names is malformed, a name is unknown, or numbers have no
            names.
    """
    lists = listed_splits(folder, PictureNames(files, folder))
    for find in (_voc, _yolo):
        source = find(folder, files, reading, lists)
        if source is not None:
            return _gather(folder, files, source)
    found = read_coco(folder, files, reading)
    if found is None:
        return None
    return _gather(folder, files, _Source("coco", found.boxes, {**lists, **found.splits}, found.pictures))


def _voc(folder: Path, files: list[Path], reading: Reading, splits: Mapping[Path, str]) -> _Source | None:
    twins = _Twins(folder.rglob("*.xml"), files, folder)
    if not any(twins.of(path) for path in files):
        return None

    def boxes(picture: Path) -> Boxes | None:
        annotation = twins.of(picture)
        return None if annotation is None else read_voc(annotation, picture_size(picture), reading.ignore)

    return _Source("voc", boxes, splits)


def _yolo(folder: Path, files: list[Path], reading: Reading, splits: Mapping[Path, str]) -> _Source | None:
    texts = (p for p in folder.rglob("*.txt") if not is_list_of_names(p) and not is_split_list(p))
    twins = _Twins(texts, files, folder)
    if not any(twins.of(path) for path in files):
        return None
    numbering = Numbering(reading.names, listed=reading.listed) if reading.names else find_numbering(folder)
    names = numbering.names
    if not names:
        raise DataError(f"The class numbers of the YOLO annotations in {folder} have no names.", HOW)
    numbers: set[int] = set()

    def boxes(picture: Path) -> Boxes | None:
        annotation = twins.of(picture)
        if annotation is None:
            return None
        found = read_yolo(annotation, *picture_size(picture), names, reading.ignore, numbering.keypoint_columns)
        if 0 not in numbers:
            numbers.update(int(float(line.split()[0])) for line in read_text(annotation).splitlines() if line.strip())
        return found

    def check_numbers() -> None:
        if numbering.listed:
            check_beginning(numbers, names, str(folder))

    return _Source("yolo", boxes, splits, check=check_numbers)


def _gather(folder: Path, files: list[Path], source: _Source) -> PictureSet:
    rows = read_index(folder, {"image"}) if (folder / INDEX).is_file() else []
    column = next((name for name in GROUP_COLUMNS if rows and name in rows[0]), "")
    named = source.pictures if source.pictures is not None else files
    wanted = [(row["image"], picture_path(folder, row["image"]), row) for row in rows] or [
        (path.relative_to(folder).as_posix(), path, {}) for path in named
    ]
    pictures: list[Picture] = []
    unknown: dict[str, None] = {}
    outside: list[OutsideError] = []
    for name, path, row in wanted:
        split = SPLIT_WORDS.get(row.get("split", "").lower(), row.get("split", ""))
        split = split or source.splits.get(path, "") or split_of(path.relative_to(folder).parts[:-1])
        boxes, fault = None, ""
        if not path.is_file():
            fault = "it is named but not there"
        else:
            try:
                boxes = source.boxes(path)
                fault = "" if boxes is not None else "it has no annotation"
            except UnknownObjectError as error:
                unknown[error.name] = None
            except UnknownNumberError as error:
                fault = f"{error.message} {error.fix}"
            except DataError as error:
                fault = error.message
                outside.extend([error] if isinstance(error, OutsideError) else [])
        cells = _cells_of(boxes, row) if boxes is not None else ()
        pictures.append(Picture(path, name, split, row.get(column, ""), cells, boxes, fault))
    if unknown:
        raise unknown_objects(list(unknown))
    source.check()
    _check_outside(outside, sum(1 for picture in pictures if picture.boxes is not None), folder)
    unlisted = len(set(files) - {path for _, path, _ in wanted})
    ignored = sum(p.boxes.ignored for p in pictures if p.boxes is not None)
    return PictureSet(folder, source.layout, tuple(pictures), column, unlisted, ignored)


def _check_outside(outside: Sequence[OutsideError], sound: int, folder: Path) -> None:
    """Refuse a folder whose boxes often lie outside of the pictures: those that lie inside are as wrong.

    Raises:
        DataError: one picture in ten or more.
    """
    if len(outside) * _OFTEN >= len(outside) + sound > 0:
        raise DataError(
            f"{outside[0].message.removesuffix('.')}, and so in {len(outside)} of {len(outside) + sound} pictures of "
            f"{folder}: they reach {max(one.reach for one in outside):.1f} times as far as the pictures.",
            "The pictures were made smaller after they were annotated, it seems. Use those that were annotated, or "
            "write their width and height into the annotations (<size> of Pascal VOC): the boxes are then scaled.",
        )


def _cells_of(boxes: Boxes, row: dict[str, str]) -> tuple[Cell, ...]:
    """The classified cells of a field: by the names of its boxes, else by the index if it is unambiguous."""
    named = cells_in(boxes)
    subtypes = [name for name in (row.get("subtypes") or row.get("subtype") or "").split("|") if name]
    white = boxes.of_kind(WBC)
    if named or len(subtypes) != 1 or len(white) != 1:
        return named
    x0, y0, x1, y1 = (float(side) for side in white[0])
    return (Cell(label_named(subtypes[0]), (x0, y0, x1, y1)),)


def cells_in(boxes: Boxes) -> tuple[Cell, ...]:
    """The cells of boxes that have a cell type."""
    return tuple(
        Cell(label, tuple(float(side) for side in box))  # type: ignore[arg-type]
        for label, box in zip(boxes.labels, boxes.xyxy, strict=False)
        if label in CLASSIFIER_LABELS
    )


def _place(path: Path, folder: Path) -> tuple[str, ...]:
    """Common key of a picture and its annotation: images/train/7.jpg and labels/train/7.txt give ("train", "7")."""
    inside = path.relative_to(folder)
    return (*(part.lower() for part in inside.parts[:-1] if part.lower() not in _HOLDERS), path.stem)
