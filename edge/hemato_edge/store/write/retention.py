"""Which pictures of cells are removed in time: by age and by space, never the newest of each class.

Counts are never removed. What is too old or too much goes in small steps, some pictures with every field, so that no
commit waits long; the order is that of recording, whatever the clock says.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

STEP = 8
"""Pictures that one field removes at most, or twice those that it adds: a picture has three pages, so some 30 pages."""
PRUNE_STEP = 256
"""Pictures that are removed in one transaction where nobody waits for a field."""
_ALL = (
    "SELECT p.rowid, length(p.jpeg) + coalesce(length(p.activation), 0), f.utc, coalesce(c.relabelled, c.label)"
    " FROM portraits p JOIN cells c ON (c.session, c.field, c.number) = (p.session, p.field, p.cell)"
    " JOIN fields f ON (f.session, f.number) = (p.session, p.field) ORDER BY p.rowid"
)


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of the pictures of cells.

    Attributes:
        max_age_days: older ones go, by the time of their field; None: age is no reason.
        max_mb: room for all pictures together, megabytes (10^6 bytes); None: no bound.
        min_per_class: the newest of each class, by what the cell counts as, that neither removes.
    """

    max_age_days: float | None = None
    max_mb: float | None = None
    min_per_class: int = 0


@dataclass(slots=True)
class Kept:
    """One picture that is kept.

    Attributes:
        row: its row in `portraits`; they grow with the order of recording.
        size: bytes.
        utc: of its field, or of a later one where the clock went back in between: it cannot be younger than that.
        name: what its cell counts as.
    """

    row: int
    size: int
    utc: datetime
    name: str


class Shelf:
    """Knows all pictures of a database, in memory (some 200 bytes each), and says which ones have to go.

    It changes only by `put` and `removed`, after their transaction has been committed.
    """

    def __init__(self, retention: Retention, connection: sqlite3.Connection) -> None:
        self.retention = retention
        self.size = self.aged = 0
        self._by_name: dict[str, deque[Kept]] = {}
        self.put(
            Kept(row, size, datetime.fromisoformat(utc), name) for row, size, utc, name in connection.execute(_ALL)
        )

    def put(self, pictures: Iterable[Kept]) -> None:
        """Takes in what was recorded after all that is known."""
        for picture in pictures:
            own = self._by_name.setdefault(picture.name, deque())
            for earlier in reversed(own):
                if earlier.utc <= picture.utc:
                    break
                earlier.utc = picture.utc
            own.append(picture)
            self.size += picture.size

    def surplus(
        self, now: datetime, coming: Sequence[tuple[str, int]] = (), most: int = STEP, by_age: int | None = None
    ) -> list[Kept]:
        """The pictures that have to go, the earliest first; `aged` then says how many of them because of their age.

        Args:
            now: the time by which they are old.
            coming: class and bytes of each picture that is about to be added.
            most: how many at most.
            by_age: how many at most because of their age, see `allowance`; None: as many as are old.
        """
        newer = Counter(name for name, _ in coming)
        free = (
            islice(own, max(0, len(own) + newer[name] - self.retention.min_per_class))
            for name, own in self._by_name.items()
        )
        size, chosen, self.aged = self.size + sum(size for _, size in coming), [], 0
        for picture in islice(merge(*free, key=lambda one: one.row), most):
            if not self._too_much(size):
                if not self._too_old(picture, now) or self.aged == by_age:
                    break
                self.aged += 1
            chosen.append(picture)
            size -= picture.size
        return chosen

    def __len__(self) -> int:
        """How many pictures there are."""
        return sum(map(len, self._by_name.values()))

    def removed(self, pictures: Iterable[Kept]) -> None:
        """Forgets what `surplus` chose."""
        for picture in pictures:
            self._by_name[picture.name].popleft()
            self.size -= picture.size

    def _too_old(self, picture: Kept, now: datetime) -> bool:
        limit = self.retention.max_age_days
        return limit is not None and now - picture.utc > timedelta(days=limit)

    def _too_much(self, size: int) -> bool:
        limit = self.retention.max_mb
        return limit is not None and size > limit * 1_000_000
