"""Cells of recorded sessions with the program's answers and the readers' labels, for a site's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import Relabel


Place = tuple[int, int, int]
"""Session, field and number of a cell."""


@dataclass(frozen=True, slots=True)
class SiteCell:
    """One recorded cell.

    Attributes:
        session, field, number: which.
        answer: what the program called it, "unclassified" among it.
        best, confidence: its best guess and how sure it was, 0 to 1.
        truth: what a person called it last, or confirmed; None where nobody did.
        words: reader → what this reader called it last.
    """

    session: int
    field: int
    number: int
    answer: str
    best: str
    confidence: float
    truth: str | None
    words: dict[str, str]

    @property
    def place(self) -> Place:
        """Session, field and number."""
        return self.session, self.field, self.number


def site_cells(reader: Reader, sessions: Iterable[int]) -> list[SiteCell]:
    """All classified cells of the given sessions, in the order of recording."""
    cells = []
    for session in sessions:
        words = words_by_cell(reader.relabels(session))
        cells += [
            SiteCell(
                cell.session,
                cell.field,
                cell.number,
                cell.label,
                cell.best,
                cell.confidence,
                cell.relabelled,
                words.get((cell.field, cell.number), {}),
            )
            for cell in reader.counted(session)
        ]
    return cells


def words_by_cell(log: Iterable[Relabel]) -> dict[tuple[int, int], dict[str, str]]:
    """Field and number of a cell → reader → what this reader called it last; changes that were undone left out."""
    entries = list(log)
    undone = {entry.undoes for entry in entries if entry.undoes is not None}
    found: dict[tuple[int, int], dict[str, str]] = {}
    for entry in entries:
        if entry.undoes is None and entry.id not in undone:
            found.setdefault((entry.field, entry.cell), {})[entry.who] = entry.after
    return found
