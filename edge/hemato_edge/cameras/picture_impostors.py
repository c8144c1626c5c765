"""What a file is that has a picture's name and is none: a pointer of a version control, a web page, a leftover."""

from __future__ import annotations

_KINDS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    (
        (b"version https://git-lfs.github.com/spec/",),
        "the pointer of Git LFS to a picture, which was not fetched",
        "Fetch the pictures with `git lfs pull` in their repository.",
    ),
    (
        (b"/annex/objects/", b"../.git/annex/objects/", b".git/annex/objects/"),
        "the pointer of git-annex to a picture, which was not fetched",
        "Fetch the pictures with `git annex get .` in their repository.",
    ),
    (
        (b"<!doctype html", b"<html", b"<!DOCTYPE html", b"<!DOCTYPE HTML", b"<HTML"),
        "a web page, not the picture that it shows",
        "Download the picture itself; a page is saved where a login or a further press is needed.",
    ),
    (
        (b"\x00\x05\x16\x07",),
        "what macOS writes beside a picture on other disks",
        "Remove the files whose names begin with ._; the pictures are beside them.",
    ),
    ((b"%PDF-",), "a PDF", "Save its pictures as PNG or JPEG."),
    ((b"PK\x03\x04", b"\x1f\x8b\x08", b"Rar!", b"7z\xbc\xaf"), "an archive", "Unpack it."),
)


def impostor(content: bytes) -> tuple[str, str] | None:
    """What the content of a file is in place of a picture, and what to do; None where that is not known."""
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind[1:] for kind in _KINDS if start.startswith(kind[0])), None)
