"""Atomic writing of files: to a temporary file, then renamed; never over what this program did not write."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError
from hemato_edge.output_marks import is_earlier_output, marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class OutputError(HematoEdgeError):
    """A file cannot be written at its path, or would replace an input of the command or somebody else's file."""


_BEGINNING_BYTES = 1 << 24


@contextmanager
def written_aside(path: Path, inputs: Iterable[Path] = (), *, ours: bool = False) -> Iterator[IO[bytes]]:
    """A stream whose content becomes `path` when the block succeeds; until then, and after an error, nothing changes.

    Special files (a pipe, /dev/stdout) are written directly.

    Args:
        path: the file; its folder must exist.
        inputs: files that the command reads and must not replace, under any name or link.
        ours: the place belongs to the program alone, which replaces whatever is there.

    Raises:
        OutputError: it is one of `inputs`, holds what this program did not write, or cannot be written.
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
            if not ours and target.exists():
                with aside.open("rb") as stream:
                    check_replaceable(path, stream.read(_BEGINNING_BYTES))
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


def check_replaceable(path: Path, beginning: bytes) -> None:
    """Refuse to replace a file of somebody else's; see `output_marks.is_earlier_output`.

    Args:
        path: of the output.
        beginning: of what is to be written; its signature at least, if that is a picture.

    Raises:
        OutputError: there is one.
    """
    target = path.resolve()
    try:
        foreign = target.is_file() and not is_earlier_output(target, beginning)
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}.", "Name another file.") from error
    if foreign:
        raise OutputError(
            f"{path} is there already, and is no earlier output of this command.",
            "Name another place, or move that file away.",
        )


def write_aside(path: Path, content: bytes, inputs: Iterable[Path] = (), *, ours: bool = False) -> None:
    """Write `content` to `path`, see `written_aside`; a picture is marked as an output of this program."""
    with written_aside(path, inputs, ours=ours) as stream:
        stream.write(marked(content))
