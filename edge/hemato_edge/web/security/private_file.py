"""A small JSON file that only its owner may read, changed whole by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemato_edge.web.security.access import WebError

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_private(path: Path) -> dict[str, Any]:
    """What a file holds; nothing where it is not there.

    Raises:
        WebError: it cannot be read, or is no JSON object.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WebError(f"{path} cannot be read: {error}.", "Move it aside and pair the devices anew.") from error
    if not isinstance(said, dict):
        raise WebError(f"{path} is not what this program wrote.", "Move it aside and pair the devices anew.")
    return said


def write_private(path: Path, content: bytes) -> None:
    """Put `content` in the place of a file, mode 0600; after a power cut there is the old one or the new one.

    Raises:
        WebError: it cannot be written.
    """
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # made with mode 0600
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except OSError as error:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        raise WebError(f"{path} cannot be written: {error.strerror}.", "Check web.folder and its owner.") from error


@contextmanager
def changed_private(path: Path) -> Iterator[dict[str, Any]]:
    """What a file holds, to be changed in the block; another process waits for its end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WebError(f"{path} cannot be written: {error.strerror}.", "Check web.folder and its owner.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = read_private(path)
        before = json.dumps(said)
        yield said
        after = json.dumps(said, indent=1, ensure_ascii=False)
        if json.dumps(said) != before:
            write_private(path, after.encode())
    finally:
        os.close(lock)
