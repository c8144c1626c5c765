"""How sessions ended whose end could not be recorded: noted beside the database, and recorded by the next writer.

A disk that is full or read-only, or a foreign lock, keeps the end out of the database. Without the note the session
would later be said to have been killed.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from hemato_edge.store.records import FINISHED, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEYS = {"state", "ended_utc", "ended_because"}
_log = logging.getLogger(__name__)


def note_path(database: Path) -> Path:
    """The note beside a database."""
    return database.with_name(database.name + ".endings")


def note(database: Path, session: int, ended: Mapping[str, object]) -> None:
    """Keep state, time and reason of an end; where even that cannot be written, the log has it."""
    _log.warning("the end of session %d cannot be recorded (%s)", session, ended.get("ended_because"))
    known = {str(number): how for number, how in noted(database).items()} | {str(session): dict(ended)}
    path = note_path(database)
    scratch = path.with_name(path.name + ".partial")
    try:
        scratch.write_text(json.dumps(known) + "\n", encoding="utf-8")
        scratch.chmod(0o600)
        scratch.replace(path)
    except OSError as error:
        _log.warning("the end of session %d cannot be noted in %s: %s", session, path, error)


def noted(database: Path) -> dict[int, dict[str, object]]:
    """Session → `state`, `ended_utc` and `ended_because`, of the ends that were noted."""
    try:
        found = json.loads(note_path(database).read_text(encoding="utf-8"))
        ends = {int(number): dict(how) for number, how in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {
        number: how
        for number, how in ends.items()
        if set(how) == _KEYS and how["state"] in (FINISHED, INTERRUPTED) and isinstance(how["ended_utc"], str)
    }


def forget(database: Path) -> None:
    """Remove the note, whose ends are recorded now."""
    try:
        note_path(database).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be removed: %s", note_path(database), error)
