"""Walks a session's chain and names each row that was edited, removed or inserted past the program."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from hemato_edge.store import chain
from hemato_edge.store.rows import canonical_json
from hemato_edge.store.seal import KEY, SEAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.store.seal import SealKey

_ENTRIES = (
    "SELECT entry, 'field' AS event, said, marks, link, number AS field FROM fields"
    " WHERE session = :session AND entry IS NOT NULL"
    " UNION ALL SELECT entry, event, said, marks, link, NULL FROM events WHERE session = :session ORDER BY entry"
)
_CELLS = "SELECT * FROM cells WHERE session = ? AND field = ? ORDER BY number"

Row = tuple[str, sqlite3.Row]


@dataclass(slots=True)
class ChainState:
    """What a walk over a session's chain has found.

    Attributes:
        session: its number.
        entries: how many entries its chain has.
        head: the last link, hexadecimal; "" where it has no chain.
        begun: how the chain begins: `chain.START`, `chain.ADOPTED` or `chain.REPAIRED`.
        found: what is wrong, a sentence each.
        key: the name of the key that its first entry says it was sealed with; "" where it has no seal.
        unsealed: events of later entries without a seal in a chain that has seals, in order.
    """

    session: int
    entries: int = 0
    head: str = ""
    begun: str = ""
    found: list[str] = field(default_factory=list)
    key: str = ""
    unsealed: list[str] = field(default_factory=list)


_BY_HAND = (chain.RELABEL, chain.DESCRIBED, chain.APPROVED, chain.END)
"""What a person does to a session, or the next program to one that was killed, who need not have the key."""


def verify_chain(connection: sqlite3.Connection, session: int, key: SealKey | None = None) -> ChainState:
    """Verifies the chain of a session, entry by entry. The caller sees to it that nothing is written meanwhile.

    Args:
        connection: of a reader.
        session: its number.
        key: to verify the seals with; None: they are not looked at.

    Raises:
        sqlite3.DatabaseError: the file is damaged.
    """
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return _Walk(cursor, session, key).run()


class _Walk:
    """One walk: what the chain says, compared with what the tables have."""

    def __init__(self, cursor: sqlite3.Cursor, session: int, key: SealKey | None) -> None:
        self._cursor = cursor
        self._key = key
        self._session = session
        self._state = ChainState(session)
        self._link = chain.first_link(session)
        self._sealed_fields: set[int] = set()
        self._sealed_relabels: set[int] = set()
        self._sealed_joins: set[tuple[int, int]] = set()
        self._fields = 0
        self._tallies: dict[str, int] = {}
        self._columns: dict[str, object] = {"state": "running", **dict.fromkeys(chain.SESSION_STATE[1:])}
        self._names: dict[tuple[int, int], str | None] = {}
        self._pictures: dict[tuple[int, int], str] = {}

    def run(self) -> ChainState:
        state = self._state
        entries = self._cursor.connection.cursor()
        entries.row_factory = sqlite3.Row
        for entry in entries.execute(_ENTRIES, {"session": self._session}):
            self._entry(entry)
            state.entries, state.head = entry["entry"] + 1, entry["link"].hex()
            state.begun = state.begun or entry["event"]
        if not state.entries:
            self._tell("has no chain: it was removed")
            return state
        for found in (self._strangers(), self._overwritten(), self._renamed(), self._exchanged()):
            state.found += [f"session {self._session}: {what}" for what in found]
        return state

    def _all(self, statement: str, values: object) -> list[sqlite3.Row]:
        return self._cursor.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def _tell(self, what: str) -> None:
        self._state.found.append(f"session {self._session}: {what}")

    def _entry(self, entry: sqlite3.Row) -> None:
        expected, number, known = self._state.entries, entry["entry"], len(self._state.found)
        said, rows = _parsed(entry["said"]), []
        gap = number != expected
        if gap:
            self._missing_entries(expected, number, said.get("fields") if entry["field"] is None else entry["field"])
        try:
            rows = list(self._rows(entry, said))
            self._replay(said, entry["field"])
        except (TypeError, ValueError, LookupError):  # it was edited into another shape: its link tells
            pass
        hashes = [chain.row_hash(table, row) for table, row in rows]
        self._compare(entry, rows, hashes)
        link = chain.next_link(self._link, number, entry["event"], entry["said"], hashes)
        if link != entry["link"] and not gap and len(self._state.found) == known:
            self._tell(f"entry {number} of its chain ({_described(entry)}) was edited")
        self._seal(entry, said, hashes, look=len(self._state.found) == known)
        self._link = entry["link"]

    def _seal(self, entry: sqlite3.Row, said: dict[str, Any], hashes: list[bytes], *, look: bool) -> None:
        """Holds an entry's seal against the key; an entry that was found to be edited has none to be looked at."""
        state, number = self._state, entry["entry"]
        if number == 0:
            state.key = str(said.get(KEY, ""))
        if not state.key:
            return
        if SEAL not in said:
            state.unsealed.append(entry["event"])
            if entry["event"] not in _BY_HAND:
                self._tell(f"entry {number} of its chain ({_described(entry)}) was written without the key")
            return
        if self._key is None or self._key.name != state.key or not look:
            return
        open_text = canonical_json({name: value for name, value in said.items() if name != SEAL})
        if not self._key.holds(said[SEAL], chain.next_link(self._link, number, entry["event"], open_text, hashes)):
            self._tell(f"entry {number} of its chain ({_described(entry)}) was written anew without the key")

    def _missing_entries(self, expected: int, number: int, next_field: object) -> None:
        if isinstance(next_field, int) and (gone := range(len(self._sealed_fields), next_field)):
            for one in gone:
                self._tell(f"field {one} was removed")
        else:
            what = f"entry {expected} was" if number == expected + 1 else f"entries {expected} to {number - 1} were"
            self._tell(f"{what} removed from its chain, with the records that they cover")

    def _rows(self, entry: sqlite3.Row, said: dict[str, Any]) -> Iterator[Row]:
        """Table and row of what an entry covers, as they stand now."""
        session, event = self._session, entry["event"]
        if event == chain.FIELD:
            number = entry["field"]
            self._sealed_fields.add(number)
            yield from self._table("fields", "session = ? AND number = ?", session, number)
            yield from (("cells", row) for row in self._all(_CELLS, (session, number)))
        elif event in (chain.ADOPTED, chain.REPAIRED):
            yield from self._everything(said)
        elif event == chain.START:
            yield from self._table("sessions", "id = ?", session)
        elif event == chain.RELABEL:
            self._sealed_relabels.add(said.get("relabel", -1))
            for table, row in self._table("relabels", "session = ? AND id = ?", session, said.get("relabel")):
                self._names[row["field"], row["cell"]] = row["relabelled"]
                yield table, row
        elif event == chain.JOINED:
            place = tuple(said.get("joined") or (-1, -1))
            self._sealed_joins.add((place[0], place[1]))
            yield from self._table("joined", "session = ? AND field = ? AND cell = ?", session, *place)

    def _everything(self, said: dict[str, Any]) -> Iterator[Row]:
        last = said.get("last_relabel")
        for table, row in chain.covered_by_all(self._cursor.connection, self._session, last):
            if table == "fields":
                self._sealed_fields.add(row["number"])
            elif table == "relabels":
                self._sealed_relabels.add(row["id"])
            elif table == "joined":
                self._sealed_joins.add((row["field"], row["cell"]))
            yield table, row

    def _table(self, table: str, condition: str, *values: object) -> Iterator[Row]:
        yield from ((table, row) for row in self._all(f"SELECT * FROM {table} WHERE {condition}", values))  # noqa: S608

    def _compare(self, entry: sqlite3.Row, rows: list[Row], hashes: list[bytes]) -> None:
        """Holds the rows that are there against the marks of those that were."""
        now, size = [one[: chain.MARK_BYTES] for one in hashes], chain.MARK_BYTES
        then = [entry["marks"][i : i + size] for i in range(0, len(entry["marks"]), size)]
        if now == then:
            return
        for kind, a, b, c, d in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
            if kind == "equal":
                continue
            same = min(b - a, d - c)
            for table, row in rows[c : c + same]:
                self._tell(f"{_named(table, row)} was edited")
            for table, row in rows[c + same : d]:
                self._tell(f"{_named(table, row)} was inserted")
            for place in range(a + same, b):
                self._tell(f"{_lost(entry, place, rows[c + same - 1] if c + same else None)} was removed")

    def _replay(self, said: dict[str, Any], field: object) -> None:
        self._fields = said.get("fields", self._fields)
        self._tallies |= said.get("tallies", {})
        self._columns |= said.get("session", {})
        if isinstance(field, int):
            self._pictures |= {(field, int(cell)): str(known) for cell, known in said.get("pictures", {}).items()}
        self._names |= {(one[0], one[1]): one[2] for one in said.get("relabelled", ())}

    def _strangers(self) -> Iterator[str]:
        """Rows that no entry covers, and entries whose fields are gone."""
        session = self._session
        for number in sorted(set(range(self._fields)) - self._sealed_fields):
            if f"session {session}: field {number} was removed" not in self._state.found:
                yield f"field {number} was removed"
        for row in self._all("SELECT number FROM fields WHERE session = ? ORDER BY number", (session,)):
            if row["number"] not in self._sealed_fields:
                yield f"field {row['number']} was inserted"
        lonely = (
            "SELECT field, number FROM cells c WHERE session = ? AND NOT EXISTS"
            " (SELECT 1 FROM fields f WHERE f.session = c.session AND f.number = c.field)"
        )
        for row in self._all(lonely, (session,)):
            yield f"cell {row['number']} of field {row['field']} has lost its field"
        for row in self._all("SELECT id FROM relabels WHERE session = ? ORDER BY id", (session,)):
            if row["id"] not in self._sealed_relabels:
                yield f"relabel {row['id']} was inserted"
        for row in self._all("SELECT field, cell FROM joined WHERE session = ? ORDER BY field, cell", (session,)):
            if (row["field"], row["cell"]) not in self._sealed_joins:
                yield f"that cell {row['cell']} of field {row['field']} was joined was inserted"

    def _overwritten(self) -> Iterator[str]:
        """Places that are written over, compared with the last that the chain says of them."""
        tallies = dict(map(tuple, self._all("SELECT name, count FROM tallies WHERE session = ?", (self._session,))))
        for name in sorted(tallies.keys() | self._tallies.keys()):
            if tallies.get(name) != self._tallies.get(name):
                yield f"tally {name} was edited: it is {tallies.get(name)}, and was {self._tallies.get(name)}"
        for row in self._all("SELECT * FROM sessions WHERE id = ?", (self._session,)):
            for name in chain.SESSION_STATE:
                if row[name] != self._columns.get(name):
                    yield f"{name} was edited: it is {row[name]!r}, and was {self._columns.get(name)!r}"

    def _renamed(self) -> Iterator[str]:
        statement = "SELECT field, number, relabelled FROM cells WHERE session = ? AND relabelled IS NOT NULL"
        stands = {(row["field"], row["number"]): row["relabelled"] for row in self._all(statement, (self._session,))}
        for place in sorted(stands.keys() | self._names.keys()):
            if stands.get(place) != self._names.get(place):
                was = self._names.get(place)
                yield f"the label of cell {place[1]} of field {place[0]} was edited: {stands.get(place)}, and was {was}"

    def _exchanged(self) -> Iterator[str]:
        """Pictures that are not those that were recorded; one that was removed in time is none of these."""
        if not self._pictures:  # recorded by an older version, or without pictures
            return
        for row in self._cursor.execute(
            "SELECT field, cell, jpeg, activation FROM portraits WHERE session = ? ORDER BY field, cell",
            (self._session,),
        ):
            known = self._pictures.get((row["field"], row["cell"]))
            if known != chain.picture_hash(row["jpeg"], row["activation"]):
                yield f"the picture of cell {row['cell']} of field {row['field']} is not the one that was recorded"


def _parsed(said: str) -> dict[str, Any]:
    """What an entry says; nothing where it was edited into something else, which its link tells."""
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _described(entry: sqlite3.Row) -> str:
    return f"field {entry['field']}" if entry["event"] == chain.FIELD else str(entry["event"])


def _named(table: str, row: sqlite3.Row) -> str:
    if table == "sessions":
        return "its head (camera, model, settings, times)"
    if table == "fields":
        return f"field {row['number']}"
    if table == "cells":
        return f"cell {row['number']} of field {row['field']}"
    if table == "relabels":
        return f"relabel {row['id']}"
    return f"that cell {row['cell']} of field {row['field']} was joined"


def _lost(entry: sqlite3.Row, place: int, before: Row | None) -> str:
    """What stood at a place of an entry's rows."""
    if entry["event"] == chain.FIELD:
        return f"cell {place - 1} of field {entry['field']}" if place else f"field {entry['field']}"
    if entry["event"] in (chain.ADOPTED, chain.REPAIRED) and before is not None:
        return f"a row after {_named(*before)}"
    said = _parsed(entry["said"])
    if entry["event"] == chain.RELABEL:
        return f"relabel {said.get('relabel')}"
    if entry["event"] == chain.JOINED:
        return f"that cell {said.get('joined')} (field, cell) was joined"
    return f"what entry {entry['entry']} ({entry['event']}) covers"
