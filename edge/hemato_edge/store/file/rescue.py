"""Saving what an open connection still holds of a database that has vanished from its path."""

from __future__ import annotations

import json
import logging
import sqlite3
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError, StoreError
from hemato_edge.store.file.backup import copy_database
from hemato_edge.store.file.location import default_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)


def rescue(connection: sqlite3.Connection, path: Path, counts: Mapping[str, object]) -> Path | None:
    """Copies all that the connection can still read under a new name; where it can read nothing, writes the counts.

    Tried beside the database, and in the default folder where that one is gone.

    Args:
        connection: of the writer, outside of a transaction.
        path: where the database was.
        counts: what was on disk when it was last seen, as JSON values.

    Returns:
        The file that was written; None where nothing could be.
    """
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    for folder in _folders(path):
        whole, listed = folder / f"{path.name}.rescued-{now}", folder / f"{path.name}.rescued-{now}.json"
        try:
            if folder != path.parent:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy_database(connection, whole)
        except (StoreError, sqlite3.Error, OSError) as error:
            _log.warning("what was counted cannot be copied to %s: %s", whole, error)
        else:
            return whole
        try:
            listed.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            _log.warning("the counts cannot be written to %s: %s", listed, error)
        else:
            return listed
    return None


def _folders(path: Path) -> Iterator[Path]:
    yield path.parent
    try:
        default = default_database().parent
    except ConfigurationError:  # there is no home folder
        return
    if default != path.parent:
        yield default
