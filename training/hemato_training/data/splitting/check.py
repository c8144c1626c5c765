"""Checking a data set before training: its content, and its problems."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS, KINDS, PLATELET_LABEL, RBC
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.splitting.duplicates import exact_copies, fingerprints, near_copies
from hemato_training.data.splitting.sisters import find_sisters, originals_of, pairs_of
from hemato_training.data.splitting.white_cells import show_none
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hemato_training.data.formats.picture_set import Picture, PictureSet
    from hemato_training.data.formats.reading import Reading
    from hemato_training.data.splitting.duplicates import Fingerprint, NearPair
    from hemato_training.progress import Reporter

ERROR, WARNING, NOTE = "error", "warning", "note"
"""An error causes leakage or breaks training; a warning costs accuracy or makes figures doubtful; a note informs."""
FEW_RED_CELLS = 3
"""A field with so few red-cell boxes is probably incompletely annotated."""
SMALL_PX = 64
"""Shorter side below which the classifier's smallest input is upsampled."""
RARE = 20
"""Training cells of a class below which little can be learned about it."""
NO_SPLIT = "(none)"
_BORDER_PX = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: machine-readable, such as "near_copies_across_splits".
        level: `ERROR`, `WARNING` or `NOTE`.
        message: text for the user.
        count: number of cases.
        examples: all of them in JSON, the first few on the screen.
    """

    code: str
    level: str
    message: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitContent:
    """Content of one split: pictures, groups, classified cells by label, boxes by kind."""

    pictures: int
    groups: int
    cells: dict[str, int]
    boxes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `data check`.

    Attributes:
        path: the folder.
        layout: a key of `picture_set.LAYOUTS`.
        splits: split → its content.
        sizes: "640x480" → pictures, the most frequent first.
        findings: errors first.
        sisters: names of pictures made from one original, in groups of two or more.
    """

    path: str
    layout: str
    splits: dict[str, SplitContent]
    sizes: dict[str, int]
    findings: tuple[Finding, ...]
    sisters: tuple[tuple[str, ...], ...] = ()

    @property
    def errors(self) -> int:
        """Number of findings that cause leakage or break training."""
        return sum(finding.level == ERROR for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {**asdict(self), "errors": self.errors}


def check(folder: Path, reading: Reading | None = None, reporter: Reporter | None = None) -> Report:
    """Read every file of a data set and report on it.

    Args:
        folder: the data set, in any layout of `picture_set.LAYOUTS`.
        reading: the user's choices for reading it.
        reporter: for progress.

    Raises:
        DataError: as `folders.read_folder`.
    """
    reporter = reporter or Silent()
    found = read_folder(folder, reading)
    prints = fingerprints([picture.path for picture in found.pictures], reporter)
    sisters = find_sisters([picture.path for picture in found.pictures], reporter)
    findings = [
        *_of_files(found, prints),
        *_of_copies(found.pictures, prints, near_copies(prints, reporter)),
        *_of_sisters(found.pictures, sisters),
        *_of_splits(found),
        *_of_boxes(found.pictures, prints),
        _of_white_cells(found.pictures, prints, reporter),
    ]
    order = (ERROR, WARNING, NOTE)
    sizes = Counter(f"{p.size[0]}x{p.size[1]}" for p in prints if p.size is not None)
    return Report(
        str(folder),
        found.layout,
        contents(found),
        dict(sizes.most_common()),
        tuple(sorted((f for f in findings if f.count), key=lambda f: order.index(f.level))),
        tuple(tuple(found.pictures[i].name for i in group) for group in sisters),
    )


def contents(found: PictureSet) -> dict[str, SplitContent]:
    """Content of each split, in the order train, val, test."""
    order = ("train", "val", "test", "")
    by_split: dict[str, list[Picture]] = defaultdict(list)
    for picture in found.pictures:
        by_split[picture.split].append(picture)
    held = {}
    for split in sorted(by_split, key=order.index):
        own = by_split[split]
        cells = Counter(cell.label for picture in own for cell in picture.cells)
        boxes = np.concatenate([p.boxes.kinds for p in own if p.boxes is not None] or [np.zeros(0, np.intp)])
        held[split or NO_SPLIT] = SplitContent(
            len(own),
            len({picture.group or picture.name for picture in own}),
            {label: cells[label] for label in CLASSIFIER_LABELS if cells[label]},
            {kind: int(np.count_nonzero(boxes == i)) for i, kind in enumerate(KINDS)} if len(boxes) else {},
        )
    return held


def _finding(code: str, level: str, message: str, examples: Iterable[str]) -> Finding:
    named = tuple(examples)
    return Finding(code, level, message, len(named), named)


def _of_files(found: PictureSet, prints: Sequence[Fingerprint]) -> list[Finding]:
    pictures = found.pictures
    faulty = {p.name: p.fault for p in pictures if p.fault}
    broken = [f"{p.name}: {f.fault}" for p, f in zip(pictures, prints, strict=True) if f.fault and p.name not in faulty]
    small = [p.name for p, f in zip(pictures, prints, strict=True) if f.size and min(f.size) < SMALL_PX]
    scaled = [p.name for p in pictures if p.boxes is not None and p.boxes.scaled]
    turned = [f"{p.name}: {p.boxes.turned}" for p in pictures if p.boxes is not None and p.boxes.turned]
    unlisted = Finding(
        "not_in_index", NOTE, "pictures lie there that the index or the annotations do not name", found.unlisted
    )
    if found.layout == "classes":
        unlisted = Finding("in_no_class", NOTE, "pictures lie in no class's folder", found.unlisted)
    ignored = Finding("ignored", NOTE, "cells, boxes or pictures of classes that were left out as asked", found.ignored)
    return [
        _finding(
            "unusable", ERROR, "pictures without file or sound annotation", (f"{n}: {f}" for n, f in faulty.items())
        ),
        _finding("unreadable", ERROR, "picture files that are corrupt", broken),
        _finding("small", WARNING, f"pictures with a side under {SMALL_PX} px", small),
        unlisted,
        ignored,
        _finding("scaled_boxes", NOTE, "pictures whose boxes were drawn at another size and were scaled", scaled),
        _finding("turned_boxes", NOTE, "pictures with boxes whose corners were put in order", turned),
    ]


def _of_copies(pictures: Sequence[Picture], prints: Sequence[Fingerprint], near: Sequence[NearPair]) -> list[Finding]:
    exact = exact_copies(prints)
    exact_pairs = [(group[0], other) for group in exact for other in group[1:]]
    near_pairs = [(pair.first, pair.second) for pair in near]

    def told(pairs: Iterable[tuple[int, int]]) -> list[str]:
        return [" = ".join(_placed(pictures[i]) for i in pair) for pair in pairs]

    def across(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(i, j) for i, j in pairs if pictures[i].split != pictures[j].split]

    def within(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(i, j) for i, j in pairs if pictures[i].split == pictures[j].split]

    named = [
        (i, j)
        for i, j in (*exact_pairs, *near_pairs)
        if {c.label for c in pictures[i].cells} != {c.label for c in pictures[j].cells}
    ]
    said = [
        " = ".join(f"{pictures[i].name} ({', '.join(c.label for c in pictures[i].cells) or 'unnamed'})" for i in pair)
        for pair in named
    ]
    return [
        _finding("copies_across_splits", ERROR, "the same file stands in two splits", told(across(exact_pairs))),
        _finding("near_copies_across_splits", ERROR, "nearly the same picture in two splits", told(across(near_pairs))),
        _finding("copies_of_two_labels", WARNING, "the same or nearly the same picture under two labels", said),
        _finding("copies", NOTE, "the same file twice in one split", told(within(exact_pairs))),
        _finding("near_copies", NOTE, "nearly the same picture twice in one split", told(within(near_pairs))),
    ]


def _of_sisters(pictures: Sequence[Picture], groups: Sequence[Sequence[int]]) -> list[Finding]:
    originals = originals_of(len(pictures), groups)
    torn = [(i, j) for i, j in pairs_of(groups) if pictures[i].split != pictures[j].split]
    pairs = len(pairs_of(groups))
    told = tuple(" = ".join(_placed(pictures[i]) for i in group) for group in groups)
    across = [" = ".join(_placed(pictures[i]) for i in pair) for pair in torn]
    findings = [
        _finding("sisters_across_splits", ERROR, "pairs made from one original stand in two splits", across),
        Finding("sisters", NOTE, f"pairs of pictures made from one original, of {len(groups)} originals", pairs, told),
    ]
    if originals is not None:
        message = (
            f"of {len(pictures)} pictures are turned, zoomed, shifted or mirrored copies: an augmented set of about "
            f"{originals} originals. A split by file leaks; `hemato-edge data split` keeps sisters together"
        )
        findings.append(Finding("augmented_set", WARNING, message, sum(map(len, groups)), told))
    return findings


def _of_white_cells(pictures: Sequence[Picture], prints: Sequence[Fingerprint], reporter: Reporter) -> Finding:
    """Pictures of one named cell that show none."""
    asked = [
        one
        for one, seen in zip(pictures, prints, strict=True)
        if not one.fault
        and not seen.fault
        and one.boxes is None
        and len(one.cells) == 1
        and one.cells[0].box is None
        and one.cells[0].label != PLATELET_LABEL
    ]
    empty = show_none([one.path for one in asked], reporter) if asked else []
    message = "pictures named as a white cell that show none; `train` leaves them out of what it learns from"
    return _finding("no_white_cell", WARNING, message, (_placed(asked[i]) for i in empty))


def _placed(picture: Picture) -> str:
    return f"{picture.name} ({picture.split})" if picture.split else picture.name


def _of_splits(found: PictureSet) -> list[Finding]:
    pictures = found.pictures
    split = {picture.split for picture in pictures}
    groups: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        if picture.group:
            groups[picture.group].add(picture.split or NO_SPLIT)
    torn = [f"{found.group_column} {group}: {', '.join(sorted(s))}" for group, s in groups.items() if len(s) > 1]
    findings = [_finding("groups_across_splits", ERROR, "groups that stand in two splits", torn)]
    if split == {""}:
        return [*findings, Finding("no_split", NOTE, "no split yet; `hemato-edge data split` makes one", 1)]
    bare = [picture.name for picture in pictures if not picture.split]
    findings.append(_finding("without_split", ERROR, "pictures that are in no split while others are", bare))
    labels = Counter((picture.split, cell.label) for picture in pictures for cell in picture.cells)
    there = [label for label in CLASSIFIER_LABELS if any(labels[s, label] for s in split)]
    empty = [
        f"{label} in {s}" for s in sorted(split & {"train", "val", "test"}) for label in there if not labels[s, label]
    ]
    rare = [f"{label}: {labels['train', label]}" for label in there if 0 < labels["train", label] < RARE]
    return [
        *findings,
        _finding("class_missing", WARNING, "classes that a split has no cell of", empty),
        _finding("class_rare", WARNING, f"classes with fewer than {RARE} training cells", rare),
    ]


def _of_boxes(pictures: Sequence[Picture], prints: Sequence[Fingerprint]) -> list[Finding]:
    drawn = [(p, p.boxes, f.size) for p, f in zip(pictures, prints, strict=True) if p.boxes is not None]
    degenerate = [f"{p.name}: {boxes.degenerate}" for p, boxes, _ in drawn if boxes.degenerate]
    degenerate += [
        f"{p.name}: {c.box}" for p in pictures for c in p.cells if p.boxes is None and c.box and not _has_area(c.box)
    ]
    outside = []
    for picture, print_ in zip(pictures, prints, strict=True):
        own = [c.box for c in picture.cells if c.box] if picture.boxes is None else picture.boxes.xyxy.tolist()
        if print_.size and any(_leaves(box, print_.size) for box in own):
            outside.append(picture.name)
    kinds = {int(kind) for _, boxes, _ in drawn for kind in boxes.kinds}
    findings = [
        _finding(
            "degenerate_boxes", WARNING, "pictures with boxes without area; training leaves these boxes out", degenerate
        ),
        _finding("boxes_outside", WARNING, "pictures with a box that leaves the picture", outside),
    ]
    for kind in sorted(kinds):
        without = [p.name for p, boxes, _ in drawn if not np.any(boxes.kinds == kind)]
        level = NOTE if kind != RBC else WARNING
        findings.append(_finding(f"no_{KINDS[kind]}_box", level, f"pictures without any {KINDS[kind]} box", without))
    if RBC in kinds:
        few = [f"{p.name}: {n}" for p, boxes, _ in drawn if 0 < (n := int(np.sum(boxes.kinds == RBC))) <= FEW_RED_CELLS]
        message = f"pictures with 1 to {FEW_RED_CELLS} rbc boxes: red cells there are probably not labelled"
        findings.append(_finding("few_rbc_boxes", WARNING, message, few))
    return findings


def _has_area(box: Sequence[float]) -> bool:
    return box[2] > box[0] and box[3] > box[1]


def _leaves(box: Sequence[float], size: tuple[int, int]) -> bool:
    return min(box[0], box[1]) < -_BORDER_PX or box[2] > size[0] + _BORDER_PX or box[3] > size[1] + _BORDER_PX
