"""A quiz from reviewed cells, and how far the answers agree with the reference."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.errors import StoreError
from hemato_edge.labels import UNCLASSIFIED
from hemato_edge.site.agreement import LEAST_FOR_KAPPA, cohens_kappa
from hemato_edge.site.cells import words_by_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord

NOT_A_CERTIFICATE = "For practice. Not a certificate of competence."


@dataclass(frozen=True, slots=True)
class Question:
    """A cell, and what its reviewers call it."""

    cell: CellRecord
    reference: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One question and its answer.

    Attributes:
        session, field, cell: which cell.
        reference: what its reviewer called it.
        answer: what was answered.
    """

    session: int
    field: int
    cell: int
    reference: str
    answer: str


@dataclass(frozen=True, slots=True)
class Result:
    """A quiz's result.

    Attributes:
        questions, right: cells answered, and with the reference's name.
        percent: share that was right, with its exact 95 % interval.
        kappa: Cohen's, with its 95 % interval; None for fewer than `LEAST_FOR_KAPPA` cells.
        mistaken: (reference, answer) → cells, the commonest first.
    """

    questions: int
    right: int
    percent: tuple[float, float, float]
    kappa: tuple[float, float, float] | None
    mistaken: dict[tuple[str, str], int]


def questions(reader: Reader, sessions: Iterable[int], who: str, wanted: int, seed: int) -> list[Question]:
    """Cells with a picture and a name on which all reviewers agree, in random order, the classes evenly.

    Args:
        reader: of the database.
        sessions: numbers of those that are drawn from.
        who: is asked; this person's own words are no reference.
        wanted: how many, at most.
        seed: the same one draws the same cells of the same reviews.

    Raises:
        StoreError: there is no such cell.
    """
    by_class: dict[str, list[Question]] = {}
    for session in sessions:
        words = words_by_cell(reader.relabels(session))
        for cell in reader.counted(session):
            said = words.get((cell.field, cell.number), {})
            names = {word for reader_name, word in said.items() if reader_name != who}
            if len(names) == 1 and not names & {UNCLASSIFIED}:
                (reference,) = names
                by_class.setdefault(reference, []).append(Question(cell, reference))
    chance = Random(seed)  # noqa: S311 - a quiz, no secret
    for cells in by_class.values():
        chance.shuffle(cells)
    drawn: list[Question] = []
    while len(drawn) < wanted and any(by_class.values()):
        for name in sorted(by_class):
            if not by_class[name] or len(drawn) == wanted:
                continue
            question = by_class[name].pop()
            cell = question.cell
            if reader.portrait(cell.session, cell.field, cell.number) is not None:
                drawn.append(question)
    if not drawn:
        raise StoreError(
            "No cell has both a picture and a name that another person gave it.",
            "Name some with `hemato-edge review`; those that you named yourself are no questions.",
        )
    chance.shuffle(drawn)
    return drawn


def result(answers: Sequence[Answered]) -> Result:
    """The result of a quiz.

    Raises:
        ValueError: nothing was answered.
    """
    total = len(answers)
    right = sum(one.answer == one.reference for one in answers)
    low, high = clopper_pearson(right, total)
    mistaken: dict[tuple[str, str], int] = {}
    for one in answers:
        if one.answer != one.reference:
            mistaken[one.reference, one.answer] = mistaken.get((one.reference, one.answer), 0) + 1
    enough = total >= LEAST_FOR_KAPPA
    return Result(
        questions=total,
        right=right,
        percent=(100 * low, 100 * right / total, 100 * high),
        kappa=cohens_kappa([(one.reference, one.answer) for one in answers]) if enough else None,
        mistaken=dict(sorted(mistaken.items(), key=lambda item: -item[1])),
    )
