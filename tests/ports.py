"""TCP ports of this machine that no other test takes meanwhile."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FIRST, LAST = 20_000, 32_000
"""Below the ports that Linux gives to outgoing connections (32,768 to 60,999 unless changed)."""
_locks = []


def own_port() -> int:
    """A free port that belongs to this process until it ends, so that a server on it can be stopped and started.

    A port that was merely free a moment ago can be taken by a test that runs beside this one; a lock file keeps each
    port for one process.
    """
    folder = Path(tempfile.gettempdir()) / "hemato-edge-test-ports"
    folder.mkdir(exist_ok=True)
    for port in range(FIRST, LAST):
        lock = (folder / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _locks.append(lock)  # closing the file would give the port up
        return port
    raise AssertionError(f"no port between {FIRST} and {LAST} is free")


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections: it is bound, and nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])
