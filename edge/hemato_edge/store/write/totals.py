"""The running totals of a session: from the tables once, then kept up with every commit."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemato_edge.labels import LEUKOCYTES, PLATELET_LABEL, UNCLASSIFIED
from hemato_edge.store import stored_values as stored
from hemato_edge.store.records import Totals
from hemato_edge.store.write.merges import COUNTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.values import FieldResult


@dataclass(slots=True)
class RunningTotals:
    """The sums behind `Totals`, of what is on disk.

    Attributes:
        fields: fields recorded.
        new_rbc, new_platelet: sums over the fields.
        labels: label → cells, a person's word before the machine's.
        reviewed: label → those of them that a person named.
        tallies: name → absolute count since the session began.
        joined: cells that count no more, since they were found to be others.
    """

    fields: int = 0
    new_rbc: int = 0
    new_platelet: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, int] = field(default_factory=dict)
    reviewed: dict[str, int] = field(default_factory=dict)
    joined: int = 0

    @staticmethod
    def read(connection: sqlite3.Connection, session: int) -> RunningTotals:
        """Sums up the tables. The caller sees to it that nothing is written meanwhile."""
        fields, new_rbc, new_platelet = connection.execute(
            "SELECT count(*), coalesce(sum(new_rbc), 0), coalesce(sum(new_platelet), 0) FROM fields WHERE session = ?",
            (session,),
        ).fetchone()
        labels = connection.execute(
            f"SELECT coalesce(relabelled, label) AS name, count(*) FROM cells WHERE session = ? AND {COUNTS}"  # noqa: S608
            " GROUP BY name",
            (session,),
        )
        reviewed = connection.execute(
            "SELECT relabelled, count(*) FROM cells WHERE session = ? AND relabelled IS NOT NULL"  # noqa: S608
            f" AND {COUNTS} GROUP BY relabelled",
            (session,),
        )
        joined = connection.execute("SELECT count(*) FROM joined WHERE session = ?", (session,)).fetchone()[0]
        tallies = connection.execute("SELECT name, count FROM tallies WHERE session = ?", (session,))
        return RunningTotals(fields, new_rbc, new_platelet, dict(labels), dict(tallies), dict(reviewed), joined)

    def checked(self) -> RunningTotals:
        """The same, if it holds what this program writes; `db check` names what else there is row by row.

        Raises:
            sqlite3.DatabaseError: a name is no class of cells, or a number no count.
        """
        try:
            for number in (self.new_rbc, self.new_platelet, *self.tallies.values()):
                stored.count(number)
            for counts in (self.labels, self.reviewed):
                stored.counts_by_class(counts)
        except ValueError as error:
            raise sqlite3.DatabaseError(f"malformed row: {error}") from error
        return self

    def add(self, result: FieldResult) -> None:
        """Takes in a field that has been committed."""
        self.fields += 1
        self.new_rbc += int(result.new_red_cells)
        self.new_platelet += int(result.new_platelets)
        for cell in result.new_cells:
            label = cell.judgement.label
            self.labels[label] = self.labels.get(label, 0) + 1

    def changed(self, tallies: Mapping[str, int]) -> dict[str, int]:
        """Those of the absolute `tallies` that are not on disk yet."""
        return {name: int(count) for name, count in tallies.items() if self.tallies.get(name) != count}

    def totals(self, session: int) -> Totals:
        """The totals as a value that nobody changes any more."""
        return Totals(
            session=session,
            fields=self.fields,
            frames=self.tallies.get("frames", self.fields),
            wbc=sum(self.labels.get(label, 0) for label in (*LEUKOCYTES, UNCLASSIFIED)),
            rbc=self.new_rbc,
            platelet=self.new_platelet + self.labels.get(PLATELET_LABEL, 0),
            labels=dict(self.labels),
            rejected=_under("rejected:", self.tallies),
            dropped=self.tallies.get("dropped", 0),
            skipped=_under("skipped:", self.tallies),
            reviewed=dict(self.reviewed),
            joined=self.joined,
        )


def _under(prefix: str, tallies: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in sorted(tallies.items()) if name.startswith(prefix)}
