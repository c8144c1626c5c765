"""Folders of fields of view with drawn boxes: Pascal VOC and YOLO text, with or without an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from hemato_edge.errors import DataError, MissingExtraError
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS, WBC
from hemato_training.data.annotations import Boxes, read_voc, read_yolo
from hemato_training.data.class_names import label_named
from hemato_training.data.index_csv import INDEX, picture_path, read_index
from hemato_training.data.picture_set import GROUP_COLUMNS, SPLIT_WORDS, Cell, Picture, PictureSet, split_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_HOLDERS = frozenset({"images", "image", "jpegimages", "annotations", "annotation", "labels", "label", "img"})
"""Folders that hold pictures or annotations and say nothing else."""
_NO_BOXES = frozenset({"classes.txt", "obj.names", "notes.txt", "readme.txt"})


def has_voc(folder: Path, pictures: Iterable[Path]) -> bool:
    """Whether a picture has a .xml file of its own, beside it or below a folder named for annotations."""
    texts = {_twin(path, folder) for path in folder.rglob("*.xml")}
    return any(_twin(path, folder) in texts for path in pictures)


def has_yolo(folder: Path, pictures: Iterable[Path]) -> bool:
    """Whether a picture has a .txt file of its own, beside it or below a folder named labels."""
    texts = {_twin(path, folder) for path in _yolo_texts(folder)}
    return any(_twin(path, folder) in texts for path in pictures)


def read_voc_folder(folder: Path, files: list[Path]) -> PictureSet:
    """All fields of a Pascal VOC folder (BCCD as it is published, or with an index of our own).

    Raises:
        DataError: if an index or a list of a split is malformed.
    """
    annotations = {_twin(path, folder): path for path in folder.rglob("*.xml")}
    return _gather(folder, files, "voc", annotations, read_voc, _listed_splits(folder))


def read_yolo_folder(folder: Path, files: list[Path]) -> PictureSet:
    """All fields of a YOLO folder; names come from data.yaml or classes.txt, else 0 1 2 are those of `labels.KINDS`.

    Raises:
        DataError: if an index or the file of names is malformed, or a name is unknown.
    """
    names = _yolo_names(folder)
    annotations = {_twin(path, folder): path for path in _yolo_texts(folder)}

    def read(annotation: Path, picture: Path) -> Boxes:
        width, height = picture_size(picture)
        return read_yolo(annotation, width, height, names or KINDS)

    return _gather(folder, files, "yolo", annotations, read, {}, numbered=not names)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels.

    Raises:
        DataError: if the picture cannot be read.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise DataError(f"The picture {path} cannot be read.", "Get the data set again.")
    return int(picture.shape[1]), int(picture.shape[0])


def _gather(
    folder: Path,
    files: list[Path],
    layout: str,
    annotations: dict[tuple[str, ...], Path],
    read: Callable[..., Boxes],
    splits: dict[str, str],
    numbered: bool = False,
) -> PictureSet:
    rows = read_index(folder, {"image"}) if (folder / INDEX).is_file() else []
    column = next((name for name in GROUP_COLUMNS if rows and name in rows[0]), "")
    wanted = [(row["image"], picture_path(folder, row["image"]), row) for row in rows] or [
        (path.relative_to(folder).as_posix(), path, {}) for path in files
    ]
    pictures = []
    for name, path, row in wanted:
        split = SPLIT_WORDS.get(row.get("split", "").lower(), row.get("split", ""))
        split = split or splits.get(path.stem, "") or split_of(path.relative_to(folder).parts[:-1])
        boxes, fault = None, ""
        annotation = annotations.get(_twin(path, folder))
        if not path.is_file():
            fault = "it is in the index but not there"
        elif annotation is None:
            fault = "it has no annotation"
        else:
            try:
                boxes = read(annotation, path) if layout == "yolo" else read(annotation)
            except DataError as error:
                fault = error.message
        cells = _cells_of(boxes, row) if boxes is not None else ()
        pictures.append(Picture(path, name, split, row.get(column, ""), cells, boxes, fault))
    unlisted = len(set(files) - {path for _, path, _ in wanted})
    return PictureSet(folder, layout, tuple(pictures), column, unlisted, numbered_kinds=numbered)


def _cells_of(boxes: Boxes, row: dict[str, str]) -> tuple[Cell, ...]:
    """The named cells of a field: by the names of its boxes, else by the index where only one box can be meant."""
    named = tuple(
        Cell(label, tuple(float(side) for side in box))  # type: ignore[arg-type]
        for label, box in zip(boxes.labels, boxes.xyxy, strict=False)
        if label in CLASSIFIER_LABELS
    )
    subtypes = [name for name in (row.get("subtypes") or row.get("subtype") or "").split("|") if name]
    white = boxes.of_kind(WBC)
    if named or len(subtypes) != 1 or len(white) != 1:
        return named
    x0, y0, x1, y1 = (float(side) for side in white[0])
    return (Cell(label_named(subtypes[0]), (x0, y0, x1, y1)),)


def _listed_splits(folder: Path) -> dict[str, str]:
    """Stem → split, from ImageSets/Main/train.txt, val.txt and test.txt, as Pascal VOC has them."""
    found: dict[str, str] = {}
    for word in ("trainval", "train", "val", "test"):  # train and val are more precise than trainval
        for path in sorted(folder.rglob(f"ImageSets/Main/{word}.txt")):
            stems = path.read_text(encoding="utf-8", errors="replace").split()
            found.update({stem: SPLIT_WORDS[word] for stem in stems if stem not in {"1", "-1", "0"}})
    return found


def _yolo_names(folder: Path) -> tuple[str, ...]:
    """The names behind the numbers, or () where no file gives them.

    Raises:
        DataError: if data.yaml is malformed.
        MissingExtraError: if there is a data.yaml, but no PyYAML.
    """
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            import yaml
        except ImportError as error:
            raise MissingExtraError(
                f"Reading {path} needs PyYAML, which is not installed.", "Type `pip install 'hemato-edge[train]'`."
            ) from error
        try:
            names = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("names")
        except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
            raise DataError(f"{path} cannot be read.", "Give it `names: [WBC, RBC, Platelets]`.") from error
        if isinstance(names, dict):
            names = [names[number] for number in sorted(names)]
        if names:
            return tuple(str(name) for name in names)
    for path in sorted(folder.rglob("classes.txt")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(line.strip() for line in lines):
            return tuple(line.strip() for line in lines if line.strip())
    return ()


def _yolo_texts(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*.txt")
        if path.name.lower() not in _NO_BOXES and "ImageSets" not in path.relative_to(folder).parts
    ]


def _twin(path: Path, folder: Path) -> tuple[str, ...]:
    """The same for a picture and its annotation: images/train/7.jpg and labels/train/7.txt give ("train", "7")."""
    inside = path.relative_to(folder)
    return (*(part.lower() for part in inside.parts[:-1] if part.lower() not in _HOLDERS), path.stem)
