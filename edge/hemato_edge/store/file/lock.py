"""One writer a database: an advisory lock that names its holder and dies with it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.file.errors import translated

if TYPE_CHECKING:
    from pathlib import Path

_TRIES = 10
_PAUSE_S = 0.05  # a reader that asks whether a writer lives holds the lock for microseconds


class InUseError(StoreError):
    """Another process writes the database."""


def lock_path(database: Path) -> Path:
    """The lock file beside the database. It stays there: removing it would let two writers hold two files."""
    return database.with_name(database.name + ".lock")


class WriterLock:
    """Holds the right to write `database` until `release` or the end of the process, however it ends.

    `flock` belongs to the open file and not to the process, so a second writer in the same process
    is refused as well.

    Raises:
        StoreError: another writer holds it; the message names its process. Or the folder cannot be written.
    """

    def __init__(self, database: Path) -> None:
        path = lock_path(database)
        if path.is_symlink():  # what it points to would be emptied
            raise StoreError(f"The lock file {path} is a symbolic link.", "Remove the link, then try again.")
        with translated(database):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with translated(database):
                held = _try_lock(self._fd)
                if held:
                    os.ftruncate(self._fd, 0)
                    with suppress(OSError):  # on a full disk: the lock is held, and its holder has no name
                        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
            if not held:
                raise _in_use(database, path)
        except BaseException:  # whatever it was: tidied up, and raised again
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Gives the lock back. A second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def writer_lives(database: Path) -> bool:
    """Whether a writer holds `database` now. False where that cannot be told."""
    try:
        fd = os.open(lock_path(database), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    finally:
        os.close(fd)
    return False


def _try_lock(fd: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _in_use(database: Path, path: Path) -> InUseError:
    holder = path.read_text(errors="replace").strip()
    who = f"process {holder}" if holder.isdigit() else "another process"
    stop = f"Stop it first (`kill {holder}`), or" if holder.isdigit() else "Stop it first, or"
    return InUseError(
        f"The database {database} is being written by {who}.", f"{stop} record into another file with --db."
    )
