"""Text files of annotation tools and spreadsheets: three encodings, with or without a byte order mark."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as the mark of UTF-16 does, so it is tried before
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MOSTLY = 0.4
"""Minimum share of zero bytes on one side of each pair in UTF-16 text without a mark: plain letters give 1."""


def read_text(path: Path) -> str:
    """The text of a file without its byte order mark.

    Text without a mark that is not UTF-8 is read as Windows-1252, in which every byte is valid.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).", "Check its permissions.") from error


def decode(content: bytes) -> str:
    """The decoded bytes of a file; see `read_text`."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    half = len(content) // 2
    if half:
        high, low = content[1::2].count(0) / half, content[0::2].count(0) / half
        if max(high, low) > _MOSTLY:
            return content.decode("utf-16-le" if high > low else "utf-16-be", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
