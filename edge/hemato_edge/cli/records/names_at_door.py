"""Names for cells and sessions of a database that a run has open: its door takes them, and its writer keeps them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import MAX_WORDING, Approve, Describe, Relabel, State, Undo
from hemato_edge.door.location import default_door
from hemato_edge.door.messages import DoorError
from hemato_edge.escaped import as_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from hemato_edge.store.file.lock import InUseError
    from hemato_edge.store.records import Relabel as RelabelRecord


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A change of a label that was taken back: which cell, what it is called again, and what it was called."""

    field: int
    cell: int
    before: str
    after: str


class Naming(Protocol):
    """What a review does to a database; `Writer` can do it, and a run for its own."""

    def relabel(self, session: int, field: int, cell: int, label: str, who: str, utc: datetime, /) -> object:
        """Call a cell something."""
        ...

    def undo(self, session: int, who: str, utc: datetime, /) -> TakenBack | RelabelRecord | None:
        """Take the last change back; None where there is none."""
        ...

    def approve(self, session: int, who: str, utc: datetime, /) -> object:
        """Approve a session."""
        ...

    def describe(self, session: int, who: str, utc: datetime, said: Mapping[str, str], /) -> object:
        """Give a session another `label`, `comment` or `control` lot."""
        ...


class NamesAtDoor:
    """Implements `Naming` at the door of a run, which says when a name was given. Raises DoorError where it refuses."""

    def __init__(self, client: DoorClient) -> None:
        self._client = client

    def relabel(self, session: int, field: int, cell: int, label: str, who: str, utc: datetime) -> None:
        """Call a cell something."""
        self._client.ask(Relabel(session, field, cell, label, who))

    def undo(self, session: int, who: str, utc: datetime) -> TakenBack | None:
        """Take the last change back; None where there is none."""
        told = self._client.ask(Undo(session, who)).told["undone"]
        return None if told is None else TakenBack(told["field"], told["cell"], told["label"], told["was"])

    def approve(self, session: int, who: str, utc: datetime) -> None:
        """Approve a session."""
        self._client.ask(Approve(session, who))

    def describe(self, session: int, who: str, utc: datetime, said: Mapping[str, str]) -> None:
        """Give a session another `label`, `comment` or `control` lot."""
        for what, text in said.items():
            wording = as_utf8(text)
            if len(wording) > MAX_WORDING or not wording.isprintable():
                raise DoorError(
                    f"While a run writes the database it takes one line of at most {MAX_WORDING} letters.",
                    "Shorten it, or say it when the run has ended.",
                )
            self._client.ask(Describe(session, what, wording, who))


@contextmanager
def names_at_door(database: Path, in_use: InUseError) -> Iterator[Naming]:
    """The door of the run that writes this database.

    Raises:
        InUseError: `in_use`, with what to do, where no such run answers.
    """
    from hemato_edge.settings import load_settings

    with DoorClient(load_settings().door.path or default_door(), "command line") as client:
        try:
            told = client.ask(State()).told
        except DoorError:
            told = {}
        if told.get("database") != str(database.resolve()):
            raise type(in_use)(
                in_use.message, "Wait for its end, or let runs open a door for reviews: `door.enabled = true`."
            ) from in_use
        yield NamesAtDoor(client)
