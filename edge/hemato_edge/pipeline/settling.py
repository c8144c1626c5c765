"""How a white cell gets its name: by the calibrated votes of its sharpest looks, and then never again.

A cell is inferred when it is first seen whole. Where that answer is clear it stands; else the next frames vote, too, up
to `MOST_LOOKS`. So a cell costs one inference, and one in doubt three; a known cell costs none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.trial import COUNTED
from hemato_edge.labels import WBC
from hemato_edge.values import Cell

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from hemato_edge.counting.trial import KnownCell
    from hemato_edge.values import Image, Judgement
    from hemato_edge.vision.classifier import Classifier
    from hemato_edge.vision.look import SlideLook

MOST_LOOKS = 3
"""The inference budget of one cell."""
CLEAR = 0.9
"""A first answer of at least this probability stands."""
SHARP_SHARE = 0.8
"""Looks vote that are at least so sharp, as a share of the sharpest."""


@dataclass(slots=True)
class _Looks:
    cell: KnownCell
    votes: list[tuple[float, Judgement]] = field(default_factory=list)
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    score: float = 0.0

    @property
    def settled(self) -> bool:
        return len(self.votes) >= MOST_LOOKS or (bool(self.votes) and self.votes[0][1].confidence >= CLEAR)


class Settling:
    """The white cells of a session that have no name yet. Holds those on view and on trial, no others.

    Args:
        classifier: names crops and pools votes.

    Attributes:
        inferences: crops that were inferred so far.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._open: dict[int, _Looks] = {}
        self.inferences = 0

    def look(
        self,
        image: Image,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        cells: list[KnownCell],
        slide: SlideLook,
        sharpness: float,
    ) -> None:
        """Look at white cells that are whole in a frame; those that have their name already cost nothing.

        Args:
            image: the frame, (H, W, 3) uint8 BGR.
            boxes: (N, 4) of the detections.
            scores: (N,) the locator's.
            cells: the cell of each.
            slide: scale and stain.
            sharpness: of the frame; larger is sharper.
        """
        chosen = [i for i, cell in enumerate(cells) if self._wanted(cell)]
        answers = self._classifier.judge(image, boxes[chosen], slide)
        self.inferences += len(chosen)
        for i, answer in zip(chosen, answers, strict=True):
            looks = self._open.setdefault(cells[i].number, _Looks(cells[i]))
            if not looks.votes or sharpness > max(focus for focus, _ in looks.votes):
                x0, y0, x1, y1 = boxes[i].tolist()
                looks.box, looks.score = (x0, y0, x1, y1), float(scores[i])
            looks.votes.append((sharpness, answer))
            cells[i].looks += 1

    @property
    def open_numbers(self) -> set[int]:
        """The numbers of the cells that have no name yet."""
        return set(self._open)

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
        return cell.kind == WBC and cell.looks < MOST_LOOKS and (looks is None or not looks.settled)

    def _named(self, looks: _Looks) -> Cell:
        x0, y0, x1, y1 = looks.box
        sharpest = max(focus for focus, _ in looks.votes)
        voting = [answer for focus, answer in looks.votes if focus >= SHARP_SHARE * sharpest]
        return Cell(
            x_px=looks.cell.x,
            y_px=looks.cell.y,
            box=looks.box,
            diameter_px=float(np.sqrt((x1 - x0) * (y1 - y0))),
            score=looks.score,
            judgement=voting[0] if len(voting) == 1 else self._classifier.pool(voting),
        )
