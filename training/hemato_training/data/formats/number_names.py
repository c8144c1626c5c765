"""Names of the class numbers in YOLO rows: read from where each tool writes them, never guessed."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import DataError, MissingExtraError
from hemato_training.data.formats.picture_names import plain_path
from hemato_training.data.formats.text_files import read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

LEVELS_UP = 2
"""How many folders above are searched for names: `data.yaml` lies beside `train/images`."""
_LISTS = frozenset(
    {"classes.txt", "_classes.txt", "class_names.txt", "names.txt", "labels.txt", "predefined_classes.txt"}
)
_LIST_SUFFIXES = frozenset({".names", ".labels"})
"""obj.names and voc.names of Darknet and CVAT, _darknet.labels of Roboflow."""
_JSON = frozenset({"notes.json", "classes.json", "names.json"})
_YAML = frozenset({".yaml", ".yml"})
_NUMBERED = re.compile(r"(\d+)\s*[\s:=,;]\s*(\S.*)")
HOW = (
    "Write a file data.yaml beside the pictures with `names: [wbc, rbc, platelet]` in the order of the numbers, or "
    "give --names wbc,rbc,platelet."
)


@dataclass(frozen=True, slots=True)
class Numbering:
    """Names of a folder's class numbers.

    Attributes:
        names: number → name, as in the file.
        source: the file; empty if none was found.
        keypoint_columns: number of keypoint columns in each row, after the box.
        listed: True if the file lists the names without their numbers, which then should begin at 0, and may not.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    source: str = ""
    keypoint_columns: int = 0
    listed: bool = False


def find_numbering(folder: Path) -> Numbering:
    """The names of the numbers in a YOLO folder.

    Searched below the folder, else up to two folders above it: `names` in a .yaml (a list, or a mapping from numbers),
    classes.txt and similar, obj.names and other .names, _darknet.labels, and `categories` in Label Studio's notes.json.

    Returns:
        An empty one if no file has them.

    Raises:
        DataError: two files disagree, or the only one cannot be read.
        MissingExtraError: it is a .yaml, and PyYAML is not installed.
    """
    unreadable: DataError | MissingExtraError | None = None
    above = [folder.resolve(), *folder.resolve().parents][1 : 1 + LEVELS_UP]
    for place, deep in ((folder, True), *((path, False) for path in above)):
        found: list[Numbering] = []
        for path in _candidates(place, deep=deep):
            try:
                numbering = _read(path)
            except (DataError, MissingExtraError) as error:
                unreadable = unreadable or error
                continue
            if numbering.names:
                found.append(numbering)
        for other in found[1:]:
            if other.names != found[0].names:
                raise DataError(
                    f"{found[0].source} and {other.source} give the numbers different names.",
                    "Keep the one that belongs to these annotations, or give the names with --names.",
                )
        if found:
            return max(found, key=lambda one: one.keypoint_columns)
    if unreadable is not None:
        raise unreadable
    return Numbering()


def numbered(names: str) -> dict[int, str]:
    """Names as given by the user: `wbc,rbc,platelet`, or `1=wbc,2=rbc` if the numbers do not start at 0.

    Raises:
        DataError: a part is empty, or only some have a number.
    """
    parts = [part.strip() for part in names.split(",")]
    pairs = [re.fullmatch(r"(\d+)\s*[=:]\s*(.+)", part) for part in parts]
    if not all(parts) or (any(pairs) and not all(pairs)):
        raise DataError(f"The names {names!r} are ambiguous.", "Give wbc,rbc,platelet or 1=wbc,2=rbc.")
    return {int(pair[1]): pair[2] for pair in pairs if pair} or dict(enumerate(parts))


def is_plain_list(names: str) -> bool:
    """Whether names as given by the user are without their numbers."""
    return "=" not in names and ":" not in names


def typed(names: Mapping[int, str], beginning: int | None = None) -> str:
    """The option that gives these names their numbers, for a hint.

    Args:
        names: number → name.
        beginning: what their smallest number should be; None leaves them.
    """
    shift = 0 if beginning is None else beginning - min(names)
    return "--names " + shlex.quote(",".join(f"{number + shift}={name}" for number, name in sorted(names.items())))


def check_beginning(numbers: Collection[int], names: Mapping[int, str], where: str) -> None:
    """Refuse a list of names that may belong to numbers from 0 or from 1: no object has 0, and none is out of the list.

    Args:
        numbers: of all objects, or some of them with 0 among them.
        names: number → name, from a list without numbers.
        where: the annotations, for the message.

    Raises:
        DataError: it cannot be told.
    """
    if numbers and 0 not in numbers and 0 in names and set(numbers) <= set(names):
        raise DataError(
            f"No object of {where} has the class number 0, so the names {', '.join(names.values())} may begin at 0 or "
            "at 1.",
            f"Say it to `data check` or `data split`: {typed(names)} or {typed(names, 1)}.",
        )


def is_list_of_names(path: Path) -> bool:
    """Whether a text file is, by its name, a list of class names."""
    return path.name.lower() in _LISTS or path.suffix.lower() in _LIST_SUFFIXES


def _candidates(folder: Path, *, deep: bool) -> Iterator[Path]:
    for path in sorted(folder.rglob("*") if deep else folder.iterdir()):
        name, suffix = path.name.lower(), path.suffix.lower()
        named = name in _JSON or suffix in _YAML or suffix == ".data" or is_list_of_names(path)
        if named and path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _read(path: Path) -> Numbering:
    suffix = path.suffix.lower()
    if suffix in _YAML:
        return _of_yaml(path)
    if suffix == ".json":
        names, listed = _of_json(path)
        return Numbering(names, str(path), listed=listed)
    if suffix == ".data":  # Darknet's obj.data: `names = data/obj.names`
        named = re.search(r"(?m)^\s*names\s*=\s*(\S.*)$", read_text(path))
        own = path.parent / plain_path(named[1]).split("/")[-1] if named else path
        return _of_lines(own) if own != path and own.is_file() else Numbering()
    return _of_lines(path)


def _of_lines(path: Path) -> Numbering:
    lines = [line.strip() for line in read_text(path).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    pairs = [_NUMBERED.fullmatch(line) for line in lines]
    if pairs and all(pairs):
        return Numbering({int(pair[1]): pair[2] for pair in pairs if pair}, str(path))
    return Numbering({number: name for number, name in enumerate(lines) if name}, str(path), listed=True)


def _of_json(path: Path) -> tuple[dict[int, str], bool]:
    """The names, and whether they are a list without numbers."""
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}.", HOW) from error
    if isinstance(value, dict) and isinstance(value.get("categories"), list):
        return categories(value["categories"], path), False
    names = value.get("names", value) if isinstance(value, dict) else value
    return _as_names(names, path), isinstance(names, list)


def categories(entries: list[Any], path: Path) -> dict[int, str]:
    """Number → name of a COCO list: `[{"id": 1, "name": "WBC"}]`.

    Raises:
        DataError: an entry lacks one of the two, or a number occurs twice.
    """
    found: dict[int, str] = {}
    for entry in entries:
        try:
            number, name = int(entry["id"]), str(entry["name"])
        except (TypeError, KeyError, ValueError) as error:
            raise DataError(
                f"A category in {path} lacks its id or its name.", "Export the annotations again."
            ) from error
        if found.setdefault(number, name) != name:
            raise DataError(f"{path} has two categories of the number {number}.", "Export the annotations again.")
    return found


def _of_yaml(path: Path) -> Numbering:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(
            f"Reading {path} needs PyYAML, which is not installed.", "Type `pip install 'hemato-edge[train]'`."
        ) from error
    try:
        # every scalar stays text, also a class `NO` or `1e1`; this loader creates no objects
        value = yaml.load(read_text(path), Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise DataError(f"{path} cannot be read: {_yaml_fault(error)}.", HOW) from error
    if not isinstance(value, dict) or not value.get("names"):
        return Numbering()
    names = value["names"]
    if isinstance(names, str):
        other = path.parent / plain_path(names)
        if not other.is_file():
            raise DataError(f"{path} says that the names are in {names!r}, which is not there.", HOW)
        lines = _of_lines(other)
        found, listed = dict(lines.names), lines.listed
    else:
        found, listed = _as_names(names, path), isinstance(names, list)
    count = value.get("nc", "")
    if isinstance(count, str) and count.isdigit() and int(count) != len(found):
        raise DataError(f"{path} says that there are {count} classes, and names {len(found)}.", HOW)
    shape = value.get("kpt_shape")
    columns = int(shape[0]) * int(shape[1]) if isinstance(shape, list) and len(shape) == 2 else 0
    return Numbering(found, str(path), columns, listed)


def _yaml_fault(error: Exception) -> str:
    """The line, and what is wrong there, on one line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return what if mark is None else f"line {mark.line + 1}: {what}"


def _as_names(value: object, path: Path) -> dict[int, str]:
    if isinstance(value, list):
        return {number: str(name) for number, name in enumerate(value)}
    if isinstance(value, dict):
        if all(str(key).strip().isdigit() for key in value):
            return {int(key): str(name) for key, name in value.items()}
        if all(str(number).strip().isdigit() for number in value.values()):
            return {int(number): str(name) for name, number in value.items()}
    raise DataError(f"The names in {path} are neither a list nor numbered.", HOW)
