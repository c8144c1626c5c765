"""`db check`: everything that can be wrong with a database, found without changing it."""

from __future__ import annotations

import errno
import hashlib
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import FailingDiskError, StoreError
from hemato_edge.labels import REVIEW_LABELS
from hemato_edge.store import chain, heads
from hemato_edge.store import stored_values as stored
from hemato_edge.store.file import connect, layout
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.failing import disk_fails
from hemato_edge.store.file.migration import version_of, view_as_current
from hemato_edge.store.recovery.verify_chain import ChainState, verify_chain
from hemato_edge.store.recovery.verify_deletions import fits_head, verify_deletions
from hemato_edge.store.write.deletions import deletions
from hemato_edge.store.write.totals import RunningTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hemato_edge.store.records import Deletion
    from hemato_edge.store.seal import SealKey

MOST_FOUND = 100
"""So many findings of one kind are named; more say how many there are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked: what it is called, and what is wrong, a sentence each."""

    name: str
    found: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.found


@dataclass(slots=True)
class CheckResult:
    """What `check` found.

    Attributes:
        path: of the database.
        version: its schema version; None where it could not be opened.
        steps: what was checked, in order; it ends early where the file cannot be read on.
        chains: the chain of each session; none in a database of an older version.
        deletions: the traces of sessions that a person deleted.
        repairs: what earlier repairs say that was lost: id, utc, damaged file, report.
        restorations: when copies took its place; heads that were noted before are of the databases that were kept.
        beginnings: when it was made where another had been; heads that were noted before are of that one.
    """

    path: Path
    version: int | None = None
    steps: list[Step] = field(default_factory=list)
    chains: list[ChainState] = field(default_factory=list)
    repairs: list[dict[str, Any]] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    restorations: list[heads.Restoration] = field(default_factory=list)
    beginnings: list[heads.Beginning] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return all(step.good for step in self.steps)


def check(path: Path, *, quick: bool = False, key: SealKey | None = None) -> CheckResult:
    """Checks the database at `path`, also while a writer runs: SQLite's own checks, keys, invariants, chains.

    Args:
        path: absolute.
        quick: SQLite's `quick_check` alone, in place of all.
        key: to verify the seals of the chains with, see `seal`; None: seals are counted and not verified.

    Raises:
        StoreError: there is no such file, it is another program's, or from a newer version.
        FailingDiskError: the disk cannot read it: what it holds is not known.
    """
    connect.check_place(path)
    if not path.exists():
        raise StoreError(f"There is no database {path}.", "Name the file with --db.")
    result = CheckResult(path)
    try:
        with translated(path), closing(connect.open_to_read(path)) as connection:
            _check_open(connection, path, result, quick=quick, key=key)
    except StoreError as error:
        if result.version is None or isinstance(error, FailingDiskError):
            raise
        result.steps.append(Step("readable to the end", (error.message,)))
    return result


def _check_open(
    connection: sqlite3.Connection, path: Path, result: CheckResult, *, quick: bool, key: SealKey | None
) -> None:
    connect.identify(connection, path)
    result.version = version_of(connection)
    pragma = "quick_check" if quick else "integrity_check"
    said = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}({MOST_FOUND})")]
    if said != ["ok"] and disk_fails(path):
        raise OSError(errno.EIO, "input/output error")
    result.steps.append(Step(f"SQLite's {pragma}", () if said == ["ok"] else tuple(map(_on_one_line, said))))
    if quick or not result.good:
        return
    view_as_current(connection)
    connection.execute("BEGIN")  # one moment for all that follows
    result.steps.append(_step("layout", _layout(connection)))
    if any(layout.lacking(connection)):
        return
    steps: dict[str, Callable[[sqlite3.Connection], Iterator[str]]] = {
        "foreign keys": _foreign_keys,
        "sessions": _sessions,
        "totals agree with the rows": _totals,
    }
    for name, look in steps.items():
        result.steps.append(_step(name, look(connection)))
    result.repairs = list(map(_repair, connection.execute("SELECT id, utc, damaged, report FROM repairs ORDER BY id")))
    if result.version >= chain.SINCE:
        numbers = [row[0] for row in connection.execute("SELECT id FROM sessions ORDER BY id")]
        result.chains = [verify_chain(connection, number, key) for number in numbers]
        result.deletions = deletions(connection)
        result.restorations, result.beginnings = heads.restorations(path), heads.beginnings(path)
        found = [*_removed(numbers, result), *(what for one in result.chains for what in one.found)]
        result.steps.append(_step("hash chains", iter(found)))
        result.steps.append(_step("heads noted outside", _heads(connection, path, result)))
        result.steps.append(_step("deletions", verify_deletions(result.deletions, result.chains, key)))
        result.steps.append(_step("repairs", _repairs(connection, result.repairs)))
        if key is not None:
            result.steps.append(_step("seals", _seals(result.chains, key)))


def _repair(row: tuple[int, str, str, str]) -> dict[str, Any]:
    try:
        report = stored.mapping(row[3])
    except ValueError as error:
        raise sqlite3.DatabaseError(f"malformed row: the report of repair {row[0]}: {error}") from error
    return {"id": row[0], "utc": row[1], "damaged": row[2], "report": report}


def _layout(connection: sqlite3.Connection) -> Iterator[str]:
    """Tables, columns and indexes are those of the version, and nothing of anybody else's runs inside the file."""
    version = version_of(connection)
    wanted, there = layout.tables_of(version), layout.tables_in(connection)
    yield from layout.lacking(connection)
    for name in sorted(there.keys() - wanted.keys()):
        yield f"table {name} is not of this version ({version}): added by another program, or the version was edited"
    for name in sorted(wanted.keys() & there.keys()):
        if wanted[name] < there[name]:
            yield f"table {name} has columns that are not of version {version}"
    for kind in ("trigger", "view"):
        for name in sorted(layout.names(connection, kind)):
            yield f"{kind} {name} was added by another program"


def _removed(numbers: list[int], result: CheckResult) -> Iterator[str]:
    """Gaps in the numbers of the sessions, but for those that a repair has told, and those that a person deleted."""
    lost = {number for repair in result.repairs for number in repair["report"].get("sessions_lost", ())}
    lost |= {one.session for one in result.deletions}
    before = 0
    for number in sorted({*numbers, *(one.session for one in result.deletions)}):
        gap = range(before + 1, number)
        before = number
        if len(gap) > MOST_FOUND:
            yield f"sessions {gap[0]} to {gap[-1]} were removed, or session {number} was given its number from outside"
            continue
        yield from (f"session {gone} was removed" for gone in gap if gone not in lost)


def _heads(connection: sqlite3.Connection, path: Path, result: CheckResult) -> Iterator[str]:
    """Sessions against the heads that were noted outside of the file when they ended; the last note of each stands."""
    chains = {one.session: one for one in result.chains}
    deleted = {one.session: one for one in result.deletions}
    for session, head in {head.session: head for head in heads.noted(path)}.items():
        there = chains.get(session)
        if session in deleted:
            if not fits_head(deleted[session], head):
                yield f"session {session} was not as it ended when it was deleted: {_noted(head)}"
        elif there is None:
            yield f"session {session} was removed: its end was noted in {heads.heads_path()}"
        elif head.key and there.key != head.key:
            yield f"session {session} is not as it ended: it was sealed with the key {head.key}"
        elif there.begun != chain.REPAIRED and chain.link_of(connection, session, head.entry) != head.link:
            yield f"session {session} is not as it ended: {_noted(head)}"


def _noted(head: heads.Head) -> str:
    return f"entry {head.entry} of its chain was {head.link[:16]}…"


def _seals(chains: list[ChainState], key: SealKey) -> Iterator[str]:
    """Sessions of another key, and such as were recorded without one after others had it."""
    sealed = 0
    for one in chains:
        if one.key == key.name:
            sealed = one.session
        elif one.key:
            yield f"session {one.session} is sealed with another key ({one.key}; this one is {key.name})"
        elif sealed:
            yield f"session {one.session} is not sealed, though session {sealed} before it is"


def _repairs(connection: sqlite3.Connection, repairs: list[dict[str, Any]]) -> Iterator[str]:
    """A repair leaves its mark in the chain of each session that it sealed anew; one without was entered by hand."""
    sealed = {row[0] for row in connection.execute("SELECT session FROM events WHERE event = ?", (chain.REPAIRED,))}
    for repair in repairs:
        told = repair["report"]
        resealed = set(told.get("resealed", ())) if isinstance(told, dict) else set()
        saved = told.get("saved") if isinstance(told, dict) else None
        if not isinstance(saved, dict) or not resealed <= sealed:
            yield f"repair {repair['id']} is not one of this program's: it was entered past it"


def _step(name: str, found: Iterator[str]) -> Step:
    named = list(found)
    more = [f"and {len(named) - MOST_FOUND} more"] if len(named) > MOST_FOUND else []
    return Step(name, (*named[:MOST_FOUND], *more))


def _foreign_keys(connection: sqlite3.Connection) -> Iterator[str]:
    counted = Counter((row[0], row[2]) for row in connection.execute("PRAGMA main.foreign_key_check"))
    for (table, parent), count in sorted(counted.items()):
        yield f"{count} rows of {table} have lost their row of {parent}"


def _sessions(connection: sqlite3.Connection) -> Iterator[str]:
    """What a session says about itself: its hash of the settings, and texts that can be read."""
    for number, settings, sha256, labels, versions in connection.execute(
        "SELECT id, settings, settings_sha256, classifier_labels, versions FROM sessions ORDER BY id"
    ):
        if hashlib.sha256(settings.encode()).hexdigest() != sha256:
            yield f"session {number}: its settings do not have their hash"
        try:
            answers = stored.names(labels)
            stored.mapping(settings), stored.texts(versions)
        except ValueError:
            yield f"session {number}: its settings, labels or versions are not what a session has"
            continue
        wrong = connection.execute(
            "SELECT field, number FROM cells WHERE session = ? AND length(probabilities) <> ?",
            (number, 4 * len(answers)),
        )
        for place in wrong:
            yield f"session {number}: cell {place[1]} of field {place[0]} does not have {len(answers)} probabilities"


def _totals(connection: sqlite3.Connection) -> Iterator[str]:
    """The totals that are shown, reckoned again from the rows one by one; and rows numbered without a gap.

    Gaps of a session that was repaired were told then.
    """
    told = {row[0] for row in connection.execute("SELECT session FROM events WHERE event = ?", (chain.REPAIRED,))}
    for (session,) in connection.execute("SELECT id FROM sessions ORDER BY id").fetchall():
        shown = RunningTotals.read(connection, session)
        again = _reckoned(connection, session)
        if again != shown:
            yield f"session {session}: the totals are {shown}, its rows add up to {again}"
        for place, name in connection.execute(
            "SELECT field || ':' || number, coalesce(relabelled, label) FROM cells WHERE session = ?", (session,)
        ):
            if name not in REVIEW_LABELS:
                yield f"session {session}: cell {place} has the unknown label {name!r}"
        if session in told:
            continue
        last = connection.execute("SELECT max(number) FROM fields WHERE session = ?", (session,)).fetchone()[0]
        if last is not None and last + 1 != shown.fields:
            yield f"session {session}: {last + 1 - shown.fields} of its fields are missing"
        for place, count, highest in connection.execute(
            "SELECT field, count(*), max(number) FROM cells WHERE session = ? GROUP BY field", (session,)
        ):
            if highest + 1 != count:
                yield f"session {session}: {highest + 1 - count} cells of field {place} are missing"


def _reckoned(connection: sqlite3.Connection, session: int) -> RunningTotals:
    """The running totals, row by row and without SQL's sums."""
    totals = RunningTotals()
    for red, platelets in connection.execute("SELECT new_rbc, new_platelet FROM fields WHERE session = ?", (session,)):
        totals.fields += 1
        totals.new_rbc += red
        totals.new_platelet += platelets
    gone = set(connection.execute("SELECT field, cell FROM joined WHERE session = ?", (session,)).fetchall())
    totals.joined = len(gone)
    for place in connection.execute("SELECT field, number, label, relabelled FROM cells WHERE session = ?", (session,)):
        if place[:2] in gone:
            continue
        name = place[3] or place[2]
        totals.labels[name] = totals.labels.get(name, 0) + 1
        if place[3]:
            totals.reviewed[name] = totals.reviewed.get(name, 0) + 1
    totals.tallies = dict(
        connection.execute("SELECT name, count FROM tallies WHERE session = ?", (session,)).fetchall()
    )
    return totals


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
