"""What is found in a source, as rows of three tables: fields, cells, and counts; what each column means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hemato_edge.archives.columns import NUMBER, TEXT, WHOLE, Column
from hemato_edge.archives.red_cell_columns import RED_CELLS, red_cell_row
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.archives.columns import Row, Value
    from hemato_edge.values import Judgement

RedCell: TypeAlias = "tuple[float | None, float | None, str | None]"
"""Diameter in pixels, pallor and shape of a red cell."""
NO_RED_CELL: RedCell = (None, None, None)
UNNAMED = "unnamed"
"""White cells that got no name: their picture is blurred or has no smear's colours, or nothing tells their size."""
QUALITY = ("brightness", "saturated_share", "covered_share", "focus", "focus_evenness")
"""Measures of the quality gate that have a column."""


FIELDS: tuple[Column, ...] = (
    Column("source", TEXT, "the slide's folder, the video, or DATABASE#SESSION"),
    Column("field", WHOLE, "number within the source, from 0"),
    Column("picture", TEXT, "file, with [PAGE] where it has several; of a video or session, what the frame came from"),
    Column("frame", WHOLE, "index of a video's frame; null for pictures"),
    Column("width", WHOLE, "pixels"),
    Column("height", WHOLE, "pixels"),
    *(Column(f"seen_{kind}", WHOLE, f"{kind} in the picture") for kind in KINDS),
    *(
        Column(f"new_{kind}", WHOLE, f"{kind} that no earlier frame had shown; all of them in a picture")
        for kind in KINDS
    ),
    Column("reject", TEXT, "why a live frame like it would be rejected; null where it would not"),
    *(Column(name, NUMBER, f"the quality gate's {name.replace('_', ' ')}") for name in QUALITY),
    Column("slide_share", NUMBER, "share of the picture that is slide"),
)
CELLS: tuple[Column, ...] = (
    Column("source", TEXT, "as in fields"),
    Column("field", WHOLE, "as in fields"),
    Column("cell", WHOLE, "number within the field, from 0"),
    Column("picture", TEXT, "as in fields"),
    Column("kind", TEXT, "wbc, rbc or platelet, by the locator"),
    *(Column(side, NUMBER, "corner of the box, pixels of the picture") for side in ("x0", "y0", "x1", "y1")),
    Column("score", NUMBER, "the locator's"),
    Column("label", TEXT, "the classifier's answer, or unclassified; null where nothing was asked"),
    Column("best", TEXT, "the nearest class"),
    Column("confidence", NUMBER, "calibrated probability of `best`"),
    *(Column(f"p_{name}", NUMBER, f"calibrated probability of {name}") for name in CLASSIFIER_LABELS),
    Column("recorded", TEXT, "of a session: what its own model answered"),
    Column("reviewed", TEXT, "of a session: what a person named it"),
    Column("diameter_px", NUMBER, "of a red cell in a picture that stands free: its diameter"),
    Column("pallor", NUMBER, "of the same: diameter of its pale middle by its own, 0 where none is seen"),
    Column("shape", TEXT, "of a red cell in a picture: the name of its shape; null without one, or not looked at"),
)
COUNTED = (*CLASSIFIER_LABELS, UNCLASSIFIED, UNNAMED)
"""What white cells are counted by."""
COUNTS: tuple[Column, ...] = (
    Column("source", TEXT, "as in fields"),
    Column("kind", TEXT, "pictures, video or session"),
    Column("fields", WHOLE, "fields that were analysed"),
    Column("rejected", WHOLE, "pictures that a live session would have rejected, or frames of a video that were"),
    Column("failed", WHOLE, "files and stored pictures that could not be analysed"),
    Column("without_picture", WHOLE, "of a session: cells of which no picture is kept"),
    *(Column(f"counted_{kind}", WHOLE, f"{kind}, each once") for kind in KINDS),
    *(Column(name, WHOLE, f"white cells with the answer {name}") for name in (*CLASSIFIER_LABELS, UNCLASSIFIED)),
    Column(UNNAMED, WHOLE, "white cells in pictures that are not fit to name them"),
    *RED_CELLS,
)
FAILURES: tuple[Column, ...] = (
    Column("source", TEXT, "as in fields"),
    Column("file", TEXT, "what could not be analysed"),
    Column("reason", TEXT, "why, and what to do about it"),
)
TABLES: Mapping[str, tuple[Column, ...]] = {"fields": FIELDS, "cells": CELLS, "counts": COUNTS, "failures": FAILURES}
"""The tables by name; each becomes NAME.parquet."""


@dataclass(slots=True)
class Findings:
    """What was found in one source; other processes send it as it is.

    Attributes:
        source: its name.
        rows: table → its rows.
        rejected: see the column.
        without_picture: see the column.
        tallies: of red cells and platelets, see `pipeline.red_cell_survey`.
        reliable: shape that is told → percent of healthy donors' red cells that are named so.
    """

    source: str
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    rejected: int = 0
    without_picture: int = 0
    tallies: Mapping[str, int] = field(default_factory=dict)
    reliable: Mapping[str, float] = field(default_factory=dict)
    _labels: Counter[str] = field(default_factory=Counter)
    _kinds: Counter[str] = field(default_factory=Counter)

    @property
    def pictures(self) -> int:
        """Fields that were analysed."""
        return len(self.rows["fields"])

    @property
    def failed(self) -> int:
        """Files that could not be analysed."""
        return len(self.rows["failures"])

    def add_field(
        self,
        about: tuple[str, int | None, int, int],
        seen: Mapping[str, int],
        new: Mapping[str, int],
        quality: tuple[str | None, Mapping[str, float | None]],
        slide_share: float,
    ) -> int:
        """A field: picture, frame, width and height; cells by kind; reason of rejection and measures. Its number."""
        number = self.pictures
        reject, measures = quality
        cells = [*(seen.get(kind, 0) for kind in KINDS), *(new.get(kind, 0) for kind in KINDS)]
        self.rows["fields"].append(
            (self.source, number, *about, *cells, reject, *(measures.get(name) for name in QUALITY), slide_share)
        )
        self._kinds.update(new)
        return number

    def add_cell(
        self,
        place: tuple[int, int, str],
        found: tuple[str, tuple[float, ...], float],
        judgement: Judgement | None,
        names: tuple[str | None, str | None] = (None, None),
        red: RedCell = NO_RED_CELL,
    ) -> None:
        """A cell: field, number and picture; kind, box and score; answer; recorded, reviewed name; measures if red."""
        number, cell, picture = place
        kind, box, score = found
        answer: tuple[Value, ...] = (None,) * (3 + len(CLASSIFIER_LABELS))
        if judgement is not None:
            shares = (float(share) for share in judgement.probabilities)
            answer = (judgement.label, judgement.best, float(judgement.confidence), *shares)
        self.rows["cells"].append((self.source, number, cell, picture, kind, *box, score, *answer, *names, *red))
        if kind == KINDS[0]:
            self._labels[UNNAMED if judgement is None else judgement.label] += 1

    def fail(self, file: str, reason: str) -> None:
        """A file that could not be analysed, and why."""
        self.rows["failures"].append((self.source, file, reason))

    def close(self, kind: str) -> Findings:
        """The row of counts, when all is in."""
        told = (self.source, kind, self.pictures, self.rejected, self.failed, self.without_picture)
        kinds = (self._kinds[name] for name in KINDS)
        labels = (self._labels[name] for name in COUNTED)
        self.rows["counts"] = [(*told, *kinds, *labels, *red_cell_row(self.tallies, self.reliable))]
        return self
