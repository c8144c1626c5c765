"""The last link of each session's chain, noted outside of the database.

A hash chain without a key shows what was edited in the middle. Who can write the file can also cut a session's end off,
or take the newest sessions away whole, and the rest still fits together. So each session's head is noted when it ends,
in the state folder, in the log and at the foot of the report; `db check` compares the first of these. Whoever owns both
places can change both: a copy on paper or on another machine is what nobody here can reach.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError
from hemato_edge.home import home_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a session's chain ended.

    Attributes:
        database: resolved path of the database.
        session: its number there.
        entry: number of the last entry, from 0.
        link: its hash, hexadecimal.
        key: name of the key that its chain is sealed with; "" for none.
    """

    database: str
    session: int
    entry: int
    link: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Restoration:
    """A copy that took the place of a database.

    Attributes:
        database: resolved path of the database.
        restored: when, UTC, ISO 8601.
        kept: where the database that was there before is kept.
    """

    database: str
    restored: str
    kept: str

    def __str__(self) -> str:
        return (
            f"restored {self.restored[:19].replace('T', ' ')} UTC from a copy; the one before was kept as {self.kept}"
        )


@dataclass(frozen=True, slots=True)
class Beginning:
    """A new database at the path of one that was deleted or moved away.

    Attributes:
        database: resolved path of the database.
        begun: when, UTC, ISO 8601.
        sessions: how many sessions of the one before had been noted.
    """

    database: str
    begun: str
    sessions: int

    def __str__(self) -> str:
        number = "a session" if self.sessions == 1 else f"{self.sessions} sessions"
        return (
            f"begun anew {self.begun[:19].replace('T', ' ')} UTC: another database, in which {number} had ended, "
            "was deleted or moved away before"
        )


def state_folder() -> Path:
    """`$STATE_DIRECTORY` of the service manager, else `$XDG_STATE_HOME/hemato-edge`, else under `~/.local/state`."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else home_folder() / ".local" / "state") / "hemato-edge"


def heads_path() -> Path:
    """The file of all heads, restorations and beginnings: one JSON object a line; lines are only added."""
    return state_folder() / "chain-heads.jsonl"


def note(head: Head) -> None:
    """Keep the head of a session that has ended. A folder that cannot be written is logged, and stops nothing."""
    _log.info("session %d: its chain has %d entries and ends with %s", head.session, head.entry + 1, head.link)
    _add(head, f"the head of session {head.session}")


def note_restoration(database: Path, kept: Path) -> None:
    """Keep that a copy takes the place of a database, which is kept: the heads before this are of that one."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    _add(Restoration(str(database), now, str(kept)), "that the database was restored")


def note_beginning(database: Path) -> None:
    """Keep that a new database is made where another one's sessions were noted: these are not of the new one."""
    sessions = len({head.session for head in noted(database)})
    if sessions:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        _add(Beginning(str(database), now, sessions), "that the database was begun anew")


def noted(database: Path) -> list[Head]:
    """The heads of one database's sessions, in the order in which they were noted, since it was restored or begun."""
    heads: list[Head] = []
    for one in _lines(database):
        if isinstance(one, Head):
            heads.append(one)
        else:
            heads.clear()
    return heads


def restorations(database: Path) -> list[Restoration]:
    """When copies took the place of a database, in order."""
    return [one for one in _lines(database) if isinstance(one, Restoration)]


def beginnings(database: Path) -> list[Beginning]:
    """When a database was begun anew at the path of another, in order."""
    return [one for one in _lines(database) if isinstance(one, Beginning)]


def _add(what: Head | Restoration | Beginning, words: str) -> None:
    try:
        path = heads_path()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(opened, (json.dumps(asdict(what)) + "\n").encode())
            os.fsync(opened)
        finally:
            os.close(opened)
    except (OSError, ConfigurationError) as error:
        _log.warning("%s cannot be noted: %s", words, error)


def _lines(database: Path) -> Iterator[Head | Restoration | Beginning]:
    """What was noted of one database; lines that say something else are skipped."""
    try:
        with heads_path().open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    said = json.loads(line)
                    kind = Restoration if "restored" in said else Beginning if "begun" in said else Head
                    one = kind(**said)
                except (ValueError, TypeError):
                    continue
                if one.database == str(database) and _is_one(one):
                    yield one
    except (OSError, ConfigurationError):
        return


def _is_one(what: Head | Restoration | Beginning) -> bool:
    if isinstance(what, Restoration):
        return isinstance(what.restored, str) and isinstance(what.kept, str)
    if isinstance(what, Beginning):
        return isinstance(what.begun, str) and isinstance(what.sessions, int)
    numbers, texts = (what.session, what.entry), (what.link, what.key)
    return all(isinstance(one, int) for one in numbers) and all(isinstance(one, str) for one in texts)
