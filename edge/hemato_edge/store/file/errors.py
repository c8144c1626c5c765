"""What SQLite and the file system say, turned into what a person can do about it."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hemato_edge.errors import FailingDiskError, StoreError
from hemato_edge.store.file.failing import disk_fails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = ("is on a full disk; nothing more was recorded.", "Free some space (`df -h`), then start again.")
READ_ONLY = (
    "cannot be written: read-only file or file system.",
    "Check its permissions, and `dmesg`: a worn SD card is remounted read-only.",
)
DENIED = ("cannot be opened: permission denied.", "Check who owns it and its folder, or name another file with --db.")
NOT_A_DATABASE = (
    "is not a SQLite database. It was left untouched.",
    "Name another file with --db; if it was one of ours, `hemato-edge db repair` keeps it and saves what can be read.",
)
DAMAGED = (
    "is damaged. It was left untouched.",
    "`hemato-edge db repair` keeps it and saves what can be read; `hemato-edge db restore COPY` puts a copy back.",
)
LOCKED = ("is locked by another program.", "Close whatever has it open (`fuser -v` names it) and try again.")
UNREADABLE = (
    "cannot be read or written: input/output error.",
    "The disk or SD card fails (`dmesg` says how): copy the database to another one, with `ddrescue` where `cp` stops.",
)
NO_FOLDER = ("is in a folder that does not exist.", "Create the folder, or name another file with --db.")

# By the text of the message: Python 3.10 does not expose SQLite's error code.
_SQLITE_MESSAGES = (
    ("disk is full", FULL),
    ("readonly database", READ_ONLY),
    ("not a database", NOT_A_DATABASE),
    ("malformed", DAMAGED),
    ("no such column", DAMAGED),  # ours were there when the file was made
    ("no such table", DAMAGED),
    ("Could not decode", DAMAGED),
    ("locked", LOCKED),
    ("disk I/O error", UNREADABLE),
    ("unable to open", DENIED),
)
_ERRNOS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.ENOENT: NO_FOLDER,
    errno.ENOTDIR: NO_FOLDER,
    errno.EIO: UNREADABLE,
}


def store_error(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    """The `StoreError` that says what `error` means for the database at `path`."""
    if isinstance(error, OSError):
        known = _ERRNOS.get(error.errno or 0)
        reason = error.strerror or str(error)
    else:
        reason = str(error)
        known = next((answer for text, answer in _SQLITE_MESSAGES if text in reason), None)
    if known in (DAMAGED, NOT_A_DATABASE) and disk_fails(path):
        known = UNREADABLE
    message, fix = known or (f"cannot be used: {reason}.", "Check the disk and the file's permissions.")
    return (FailingDiskError if known is UNREADABLE else StoreError)(f"The database {path} {message}", fix)


def damaged(path: Path, found: str) -> StoreError:
    """The `StoreError` for a database in which SQLite's own check found something, as one line."""
    if disk_fails(path):
        return FailingDiskError(f"The database {path} {UNREADABLE[0]}", UNREADABLE[1])
    message, fix = DAMAGED
    return StoreError(f"The database {path} {message} ({' '.join(found.split())})", fix)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and of the file system inside the block into `StoreError`.

    Errors of the program itself (`sqlite3.ProgrammingError`, `sqlite3.IntegrityError`) pass through.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise
    except (sqlite3.Error, OSError) as error:
        raise store_error(error, path) from error
    except UnicodeDecodeError as error:  # of a name or text in the file, from SQLite itself
        raise damaged(path, "text that is not UTF-8") from error
