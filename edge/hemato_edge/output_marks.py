"""Recognises earlier outputs of this program; a file of somebody else's is never replaced."""

from __future__ import annotations

import json
import zipfile
import zlib
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "hemato-edge"
PNG, JPEG, ZIP, TIFF, PARQUET, FLATBUFFER, SQLITE = "PNG", "JPEG", "ZIP", "TIFF", "Parquet", "TFLite", "SQLite"
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": PNG,
    b"\xff\xd8\xff": JPEG,
    b"PK\x03\x04": ZIP,
    b"II": TIFF,
    b"MM": TIFF,
    b"PAR1": PARQUET,
    b"SQLite format 3\0": SQLITE,
}
_BUNDLE_MARK = b"card.json"
"""Name of a part of every bundle, see `models.bundle`; it stands in the list at the end of the file."""
_ENDS_BYTES = 1 << 16
"""Read at either end of a file, in which its mark stands."""
_MOST_JSON_BYTES = 1 << 24
_LEAST_COLUMNS, _LEAST_KEYS = 4, 3
"""Columns of a table, and keys of a JSON object, from which on the same ones are no chance."""
_BOM = b"\xef\xbb\xbf"


def is_earlier_output(path: Path, beginning: bytes) -> bool:
    """Whether the file at `path` may be replaced by one that begins with `beginning`: it holds nothing, or is ours.

    Ours is what has the same form and bears a mark: the notice of research use in texts; the program's name in JSON and
    in the metadata of pictures, workbooks and tables. A table with the same heading is ours, too, and a JSON object
    with the same keys. A database never is.

    Args:
        path: of a regular file.
        beginning: of the new content, at least its first line if it is text.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_ENDS_BYTES)
        stream.seek(max(0, size - _ENDS_BYTES))
        ends = head + stream.read(_ENDS_BYTES)
    if not size:
        return True
    kind = form_of(head)
    if kind != form_of(beginning) or kind == SQLITE:
        return False
    if kind == FLATBUFFER:
        return _BUNDLE_MARK in ends
    if kind == ZIP:
        return _zip_is_ours(path)
    named = kind in (PNG, JPEG, TIFF, PARQUET, "{", "[")
    return (
        RESEARCH_USE_NOTICE.encode() in ends
        or (named and PROGRAM.encode() in ends)
        or _same_heading(head, beginning)
        or (kind == "{" and size < _MOST_JSON_BYTES and _same_keys(path.read_bytes(), beginning))
    )


def form_of(content: bytes) -> str:
    """The form of a file by how it begins: one of the names above; `{`, `[`, `<` or `#` of a text; else nothing."""
    if content[4:8] == b"TFL3":
        return FLATBUFFER
    for signature, form in _SIGNATURES.items():
        if content.startswith(signature) and (form != TIFF or content[2:4] in (b"*\0", b"\0*", b"+\0", b"\0+")):
            return form
    first = content.removeprefix(_BOM).lstrip()[:1].decode("latin-1")
    return first if first in "{[<#" else ""


def marked(content: bytes) -> bytes:
    """A PNG or JPEG with the program's name in its metadata; anything else as it is."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        chunk = b"tEXtSoftware\0" + PROGRAM.encode()
        said = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        return content[:33] + said + content[33:]
    if content.startswith(b"\xff\xd8\xff"):
        return content[:2] + b"\xff\xfe" + (len(PROGRAM) + 2).to_bytes(2, "big") + PROGRAM.encode() + content[2:]
    return content


def _zip_is_ours(path: Path) -> bool:
    """A workbook whose author is the program, or an update."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "docProps/core.xml" in names:
                return PROGRAM.encode() in archive.read("docProps/core.xml")
            return {"manifest.json", "signature.json"} <= set(names)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error):
        return False


def _same_heading(old: bytes, new: bytes) -> bool:
    first = new.removeprefix(_BOM).partition(b"\n")[0].rstrip()
    return first.count(b",") >= _LEAST_COLUMNS - 1 and old.removeprefix(_BOM).partition(b"\n")[0].rstrip() == first


def _same_keys(old: bytes, new: bytes) -> bool:
    try:
        before, now = json.loads(old), json.loads(new)
    except (ValueError, RecursionError):
        return False
    return isinstance(before, dict) and len(before) >= _LEAST_KEYS and isinstance(now, dict) and set(before) == set(now)
