"""How the reviewers agree with the machine, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import UNCLASSIFIED
from hemato_edge.site.agreement import LEAST_FOR_KAPPA, cohens_kappa
from hemato_edge.site.cells import site_cells

if TYPE_CHECKING:
    from datetime import date

    from hemato_edge.store.reader import Reader


@dataclass(frozen=True, slots=True)
class DayAgreement:
    """One reviewer's words for the cells of one day's sessions, against the machine's.

    Attributes:
        day: on which the sessions began, UTC.
        who: the reviewer.
        cells: that the machine gave a class and the reviewer named or confirmed.
        same: of these, with the same name.
        percent: share of the same names, with its 95 % interval.
        kappa: Cohen's, with its 95 % interval; None for fewer than `LEAST_FOR_KAPPA` cells.
        unclassified: further cells that the reviewer named and the machine did not.
    """

    day: date
    who: str
    cells: int
    same: int
    percent: tuple[float, float, float]
    kappa: tuple[float, float, float] | None
    unclassified: int


def daily_agreement(reader: Reader, days: int = 30) -> list[DayAgreement]:
    """The newest `days` days on which sessions were recorded that somebody reviewed, the oldest first.

    People look at doubtful cells first and see the machine's answer: this is no measure of its accuracy; `site verify`
    is.
    """
    pairs: dict[tuple[date, str], list[tuple[str, str]]] = {}
    seen: set[date] = set()
    for record in reversed(reader.sessions()):
        day = record.started_utc.date()
        if day not in seen and len(seen) == days:
            break
        if not reader.relabels(record.id):
            continue
        seen.add(day)
        for cell in site_cells(reader, [record.id]):
            for who, word in cell.words.items():
                pairs.setdefault((day, who), []).append((cell.answer, word))
    return [found for key in sorted(pairs) if (found := _agreement(*key, pairs[key])) is not None]


def _agreement(day: date, who: str, words: list[tuple[str, str]]) -> DayAgreement | None:
    named = [pair for pair in words if pair[0] != UNCLASSIFIED]
    if not named:
        return None
    same = sum(machine == person for machine, person in named)
    low, high = clopper_pearson(same, len(named))
    return DayAgreement(
        day=day,
        who=who,
        cells=len(named),
        same=same,
        percent=(100 * low, 100 * same / len(named), 100 * high),
        kappa=cohens_kappa(named) if len(named) >= LEAST_FOR_KAPPA else None,
        unclassified=len(words) - len(named),
    )
