"""Whether a picture file is whole: decoders fill a lost rest with grey and say nothing."""

from __future__ import annotations

import re

_JPEG, _PNG, _WEBP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF"
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
"""A marker among coded data: 0xFF 0x00 is a coded 0xFF, and 0xFF 0xD0 to 0xD7 restart the decoder within a scan."""
_EOI = 0xD9
_ALONE = frozenset({0x01, 0xD8})
"""Markers without a length: TEM and SOI."""


def is_whole(content: bytes) -> bool:
    """Whether the picture in a file goes to its end, whatever may lie behind that; True for kinds that are not known.

    Phones put a video, a depth map or raw data behind a JPEG, and some programs pad with zeros. A JPEG is followed
    marker by marker (ITU-T T.81, B.1) to its EOI, so that the EOI of a thumbnail within does not count.
    """
    if content.startswith(_JPEG):
        return _jpeg_end(content) is not None
    if content.startswith(_PNG):
        return _png_is_whole(content)
    if content.startswith(_WEBP) and content[8:12] == b"WEBP":
        return len(content) >= 8 + int.from_bytes(content[4:8], "little")
    return True


def _jpeg_end(content: bytes) -> int | None:
    """Where the EOI of the first picture ends, or None where it has none."""
    at = len(_JPEG)
    while found := _MARKER.search(content, at):
        marker, at = found.group(1)[0], found.end()
        if marker == _EOI:
            return at
        if marker not in _ALONE:
            length = int.from_bytes(content[at : at + 2], "big")
            if length < 2 or at + length > len(content):
                return None
            at += length  # behind a SOS the coded data follow, in which the next marker is searched
    return None


def _png_is_whole(content: bytes) -> bool:
    at = len(_PNG)
    while at + 12 <= len(content):
        name = content[at + 4 : at + 8]
        at += int.from_bytes(content[at : at + 4], "big") + 12  # length, name, content, checksum
        if name == b"IEND":
            return at <= len(content)
    return False
