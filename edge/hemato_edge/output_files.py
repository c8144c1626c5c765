"""Atomic writing of files: to a temporary file, then renamed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class OutputError(HematoEdgeError):
    """A file cannot be written at its path, or would replace an input of the command."""


@contextmanager
def written_aside(path: Path, inputs: Iterable[Path] = ()) -> Iterator[IO[bytes]]:
    """A stream whose content becomes `path` when the block succeeds; until then, and after an error, nothing changes.

    Special files (a pipe, /dev/stdout) are written directly.

    Args:
        path: the file; its folder must exist.
        inputs: files that the command reads and must not replace, under any name or link.

    Raises:
        OutputError: it is one of `inputs`, or cannot be written.
    """
    check_apart(path, inputs)
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                yield stream
            return
        aside = target.with_name(f".{target.name[:200]}-{os.getpid()}.part")
        try:
            with aside.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                aside.chmod(target.stat().st_mode & 0o777)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        if not target.parent.is_dir():
            raise OutputError(
                f"{path} cannot be written: there is no folder {path.parent}.", f"Type `mkdir -p {path.parent}` first."
            ) from error
        raise OutputError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from error


def check_apart(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse an output file that is one of the inputs.

    Raises:
        OutputError: it is.
    """
    for other in inputs:
        if path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other)):
            raise OutputError(f"{path} is an input of this command.", "Name another file to write to.")


def write_aside(path: Path, content: bytes, inputs: Iterable[Path] = ()) -> None:
    """Write `content` to `path`, see `written_aside`."""
    with written_aside(path, inputs) as stream:
        stream.write(content)
