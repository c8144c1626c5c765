"""Standard streams as a program finds them: closed, full, of another encoding."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

_PLAIN = str.maketrans(
    {
        **{"–": "-", "—": "-", "…": "...", "→": "->", "·": ".", "×": "x", "µ": "u", "⁹": "^9", "²": "2", "∞": "inf"},
        **{"“": '"', "”": '"', "’": "'", "±": "+-", "°": " deg", "ü": "ue"},
    }
)
"""What our own words hold beyond ASCII, for terminals that cannot show it."""
_HANDLER = "hemato-edge"


class _ErrorStream(io.TextIOWrapper):
    """Standard error: that it is full, or that nobody reads it, ends no count and takes no report with it."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            _silence(self)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _silence(self)


def prepare_streams() -> None:
    """Make standard streams that can be written to whatever they are.

    A closed one becomes the null device: the next file that is opened, a database for instance, would get its number,
    and be written into. What an encoding has no letter for is written plainly, or as an escape. Standard error may be
    full: what is said there is not what was asked for.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    sys.stdin = sys.stdin or os.fdopen(0, "r")
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    codecs.register_error(_HANDLER, _plainly)
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = _ErrorStream(sys.stderr.buffer, sys.stderr.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_HANDLER)


def finish_streams() -> str | None:
    """Write out what is left; why standard output could not take it, or None."""
    trouble = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:  # the reader, `head` for instance, has seen enough
            _silence(stream)
        except OSError as error:
            _silence(stream)
            trouble = error.strerror
    return trouble


def _silence(stream: TextIO) -> None:
    """Nothing more goes there, not even what is in its buffer when the interpreter ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    plain = wrong.translate(_PLAIN)
    try:
        plain.encode(error.encoding)
    except UnicodeEncodeError:
        plain = "".join(_escape(letter) for letter in wrong)
    return plain, error.end


def _escape(letter: str) -> str:
    """One letter that no encoding at hand has: a byte that was no UTF-8 as it was."""
    code = ord(letter)
    return (
        f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else letter.encode("ascii", "backslashreplace").decode()
    )
