"""Files that have a picture's name and are none are told for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.cameras.picture_files import read_picture
from hemato_edge.cameras.picture_impostors import impostor
from hemato_edge.errors import ImageError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"d" * 64 + b"\nsize 7000\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (POINTER, "git lfs pull"),
        (b"/annex/objects/SHA256E-s7000--abc.jpg\n", "git annex get"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "Download the picture itself"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "Remove the files"),
        (b"%PDF-1.7\n", "Save its pictures"),
        (b"PK\x03\x04rest", "Unpack it"),
    ],
)
def test_it_is_named_with_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "cell.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert told in caught.value.fix


def test_anything_else_is_not_known() -> None:
    assert impostor(b"no picture at all") is None
    assert impostor(b"") is None
