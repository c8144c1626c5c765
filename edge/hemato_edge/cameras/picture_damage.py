"""Whether the bytes of a picture are whole: decoders fill what is lost with grey, or go on with what is wrong.

OpenCV gives a damaged JPEG without an error, and its warning goes to standard error. So the data are decoded once more
at an eighth of the size by libjpeg-turbo, whose warnings simplejpeg raises, for less than half of the first cost.
"""

from __future__ import annotations

import logging
import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from hemato_edge.cameras.picture_tiff import CutOffError, tiff_pages

if TYPE_CHECKING:
    from collections.abc import Callable

_JPEG, _PNG, _WEBP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF"
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
"""A marker among coded data: 0xFF 0x00 is a coded 0xFF, and 0xFF 0xD0 to 0xD7 restart the decoder within a scan."""
_EOI = b"\xff\xd9"
_ALONE = frozenset({0x01, 0xD8})
"""Markers without a length: TEM and SOI."""
_COMPLAINTS = ("Corrupt JPEG data", "Premature end", "Unsupported marker")
"""What libjpeg's warnings about data begin with; other errors are of kinds of JPEG that it does not read."""
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
CUT_OFF = "it is cut off"
_log = logging.getLogger(__name__)


def damage_of(content: bytes) -> str | None:
    """What is wrong with the data of a picture file, as half a sentence; None if nothing is, or its kind is not known.

    Phones put a video, a depth map or raw data behind a JPEG, and cameras pad with zeros: what lies behind a picture
    does not matter.
    """
    if content.startswith(_JPEG):
        return _jpeg_damage(content)
    if content.startswith(_PNG):
        return _png_damage(content)
    if content.startswith(_WEBP) and content[8:12] == b"WEBP":
        return None if len(content) >= 8 + int.from_bytes(content[4:8], "little") else CUT_OFF
    try:
        tiff_pages(content)
    except CutOffError:
        return CUT_OFF
    return None


def _jpeg_damage(content: bytes) -> str | None:
    end = _jpeg_end(content)
    if end is None:
        return CUT_OFF
    decode = _strict_decoder()
    if decode is None:
        return None
    picture = content[:end]
    try:
        decode(picture, "GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        complaint = str(error)
        if complaint.startswith(_COMPLAINTS) and not _is_padding(complaint, picture):
            return f"its data are damaged ({complaint.removeprefix('Corrupt JPEG data: ')})"
    return None


@cache
def _strict_decoder() -> Callable[..., Any] | None:
    """The decoder, loaded with the first JPEG; None, said once, if the system's was compiled for another numpy."""
    try:
        from simplejpeg import decode_jpeg
    except (ImportError, ValueError) as error:
        _log.warning("damage within a JPEG is not noticed: simplejpeg cannot be loaded (%s)", error)
        return None
    return decode_jpeg  # type: ignore[no-any-return]


def _is_padding(complaint: str, picture: bytes) -> bool:
    """Whether it is about bytes of one value before the end, which some cameras write."""
    found = _PADDING.search(complaint)
    if found is None:
        return False
    behind = picture[: -len(_EOI)][-int(found[1]) :]
    return len(set(behind)) == 1


def _jpeg_end(content: bytes) -> int | None:
    """Where the EOI of the first picture ends, or None where it has none.

    A JPEG is followed marker by marker (ITU-T T.81, B.1), so that the EOI of a thumbnail within does not count.
    """
    at = len(_JPEG)
    while found := _MARKER.search(content, at):
        marker, at = found.group(1)[0], found.end()
        if marker == _EOI[1]:
            return at
        if marker not in _ALONE:
            length = int.from_bytes(content[at : at + 2], "big")
            if length < 2 or at + length > len(content):
                return None
            at += length  # behind a SOS the coded data follow, in which the next marker is searched
    return None


def _png_damage(content: bytes) -> str | None:
    """Chunk by chunk (ISO/IEC 15948, 5.3): each ends with the CRC of its name and content."""
    at = len(_PNG)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        name, end = content[at + 4 : at + 8], at + length + 12
        if end > len(content):
            return CUT_OFF
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            return f"its data are damaged (the checksum of {name.decode('latin-1')!r} does not fit)"
        if name == b"IEND":
            return None
        at = end
    return CUT_OFF
