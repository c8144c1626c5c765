"""Telling HEIC pictures by their first bytes. Apart from their decoder, which the page never loads."""

from __future__ import annotations

BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
"""Major brands of files whose pictures are coded by HEVC (ISO/IEC 23008-12, annex B)."""
ADVICE = "Save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible), or `magick IN.heic OUT.jpg`."
"""How to do without."""


def is_heic(content: bytes) -> bool:
    """Whether the first bytes of a file are those of HEIC or HEIF; its name may say otherwise."""
    return content[4:8] == b"ftyp" and content[8:12] in BRANDS
