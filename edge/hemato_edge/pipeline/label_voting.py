"""How a white cell gets its name: by the calibrated votes of its sharpest looks, and then never again.

A cell is inferred when it is first seen whole. Where that answer is clear it stands; else the next frames vote, too, up
to `MOST_LOOKS`. So a cell costs one look, and one in doubt three; a known cell costs none. A look that is not
sure takes further inferences, see `models.second_look`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hemato_edge.counting.confirmation import COUNTED, REFUSED
from hemato_edge.labels import WBC
from hemato_edge.values import Cell, CutPortrait
from hemato_edge.vision.classify.portraits import cut_portrait

if TYPE_CHECKING:
    from collections.abc import Collection

    from hemato_edge.counting.confirmation import KnownCell
    from hemato_edge.values import Detections, Image, Judgement
    from hemato_edge.vision.classify.classifier import Classifier
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.slide_appearance import SlideAppearance

MOST_LOOKS = 3
"""The budget of one cell, frames."""
CLEAR = 0.9
"""A first answer of at least this probability stands."""
SHARP_SHARE = 0.8
"""Looks vote that are at least so sharp, as a share of the sharpest."""


class _Vote(NamedTuple):
    """One look: the frame's sharpness, the answer, and what is kept of the place in that frame."""

    sharpness: float
    answer: Judgement
    box: tuple[float, float, float, float]
    score: float
    pixels: Image | None


@dataclass(slots=True)
class _Looks:
    cell: KnownCell
    votes: list[_Vote] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return len(self.votes) >= MOST_LOOKS or (bool(self.votes) and self.votes[0].answer.confidence >= CLEAR)


class Settling:
    """The white cells of a session that have no name yet. Holds those on view and on trial, no others.

    Args:
        classifier: names crops and pools votes.

    Attributes:
        inferences: crops that were classified so far; a second look at one is not counted.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._open: dict[int, _Looks] = {}
        self.inferences = 0

    def look(
        self, view: FieldView, found: Detections, cells: list[KnownCell], slide: SlideAppearance, sharpness: float
    ) -> None:
        """Look at white cells that are whole in a frame; those that have their name already cost nothing.

        Args:
            view: the field.
            found: the cells in it.
            cells: which cell of the ledger each is.
            slide: scale and stain.
            sharpness: of the frame; larger is sharper.
        """
        chosen = [i for i, cell in enumerate(cells) if self._wanted(cell)]
        answers = self._classifier.judge(view, found.boxes[chosen], slide)
        self.inferences += len(chosen)
        for i, answer in zip(chosen, answers, strict=True):
            x0, y0, x1, y1 = found.boxes[i].tolist()
            pixels = cut_portrait(view, ((x0 + x1) / 2, (y0 + y1) / 2), slide.red_cell_px)
            looks = self._open.setdefault(cells[i].number, _Looks(cells[i]))
            looks.votes.append(_Vote(sharpness, answer, (x0, y0, x1, y1), float(found.scores[i]), pixels))
            cells[i].looks += 1

    def drop(self, cells: Collection[KnownCell]) -> None:
        """These were no cells, or left the view undecided, or are known already."""
        for cell in cells:
            looks = self._open.pop(cell.number, None)
            if looks is not None and cell.state != COUNTED:
                cell.looks = 0  # should it be seen again, it is looked at anew

    def take(self, still_seen: Collection[int] = ()) -> tuple[Cell, ...]:
        """The cells that have got their name: they count, and their votes are in, or they are no longer seen.

        Args:
            still_seen: numbers of the cells in the present frame, which may be looked at once more.
        """
        ready = [
            looks
            for number, looks in self._open.items()
            if looks.cell.state == COUNTED and (looks.settled or number not in still_seen)
        ]
        for looks in ready:
            del self._open[looks.cell.number]
            looks.cell.looks = MOST_LOOKS
        return tuple(self._named(looks) for looks in ready if looks.cell.kind == WBC)

    def _wanted(self, cell: KnownCell) -> bool:
        looks = self._open.get(cell.number)
        return (
            cell.kind == WBC
            and cell.state != REFUSED
            and cell.looks < MOST_LOOKS
            and (looks is None or not looks.settled)
        )

    def _named(self, looks: _Looks) -> Cell:
        """The cell as its votes have it; box, picture and activation map are those of the sharpest look that agrees."""
        sharpest = max(vote.sharpness for vote in looks.votes)
        voting = [vote for vote in looks.votes if vote.sharpness >= SHARP_SHARE * sharpest]
        answer = self._classifier.pool([vote.answer for vote in voting])
        agreeing = [vote for vote in voting if vote.answer.best == answer.best] or voting
        shown = max(agreeing, key=lambda vote: vote.sharpness)
        activation = shown.answer.activation if shown.answer.best == answer.best else None
        x0, y0, x1, y1 = shown.box
        looks.cell.record, looks.cell.label = looks.cell.number, answer.label
        return Cell(
            number=looks.cell.number,
            x_px=looks.cell.x,
            y_px=looks.cell.y,
            box=shown.box,
            diameter_px=float(np.sqrt((x1 - x0) * (y1 - y0))),
            score=shown.score,
            judgement=answer,
            cut=None if shown.pixels is None else CutPortrait(shown.pixels, activation),
        )
