"""Room that is kept for a full disk: a file beside the database that holds nothing, and goes when pictures must.

To remove something, SQLite has to write first: its log, and the index of the log. Where another program has taken the
last byte, there would be no room for that, and the pictures of cells could never be removed.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from hemato_edge.store.file.space import has_room

if TYPE_CHECKING:
    from pathlib import Path

RESERVE_MB = 4
"""Size of the file, megabytes (10^6 bytes): several times what one step of removing pictures writes."""
_log = logging.getLogger(__name__)


def reserve_path(database: Path) -> Path:
    """The file beside a database."""
    return database.with_name(database.name + ".reserve")


def hold(database: Path, min_free_mb: int) -> None:
    """Makes the file where there is none, unless less than `min_free_mb` megabytes would then be left.

    The caller holds the writer's lock.
    """
    path = reserve_path(database)
    if path.exists() or not has_room(database, min_free_mb + RESERVE_MB):
        return
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(opened, 0, RESERVE_MB * 1_000_000)
        finally:
            os.close(opened)
    except OSError as error:
        _log.debug("no room can be reserved beside %s: %s", database, error)
        path.unlink(missing_ok=True)


def release_where_full(database: Path) -> None:
    """Removes the file where the disk has less room than that left; the next run makes it again.

    The caller holds the writer's lock.
    """
    if not has_room(database, RESERVE_MB):
        try:
            reserve_path(database).unlink(missing_ok=True)
        except OSError as error:
            _log.debug("the room reserved beside %s cannot be released: %s", database, error)
