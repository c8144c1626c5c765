"""Whether the disk fails to read a database: SQLite calls that a damaged file, which it is not.

SQLite's Unix interface turns a read that ends in EIO into `SQLITE_IOERR_CORRUPTFS`, and its pager turns that into
`SQLITE_CORRUPT` ("database disk image is malformed"). A repair would then leave out what the disk cannot read at the
moment. So where SQLite says that a file is damaged, it is read once from end to end.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_S = 120.0
"""A file that takes longer is not told from a damaged one."""
_FAILS = 3
_READ = f"""
import errno, os, sys
for path in sys.argv[1:]:
    try:
        with open(path, "rb", buffering=0) as stream:
            while stream.read(1 << 20):
                pass
    except OSError as error:
        if error.errno in (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EREMOTEIO):
            sys.exit({_FAILS})
"""


def disk_fails(database: Path) -> bool:
    """Whether the database or its write-ahead log cannot be read to the end because of the disk.

    It is read by a process of its own: closing the file in this one would drop the locks that SQLite holds
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    files = [str(database), f"{database}-wal"]
    try:
        done = subprocess.run(  # noqa: S603 - this Python, with a program of our own
            [sys.executable, "-I", "-S", "-c", _READ, *files],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == _FAILS
