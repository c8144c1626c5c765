from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.whole_files import is_whole


def coded(suffix: str, *options: int) -> bytes:
    picture = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    return bytes(cv2.imencode(suffix, picture, list(options))[1])


KINDS = {
    "jpeg": coded(".jpg"),
    "progressive": coded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": coded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    "png": coded(".png"),
    "webp": coded(".webp"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trailer", [b"", b"\0" * 4000, b"\xff\xd8 a film behind it \xff", b"\xff\xd9" * 3])
def test_what_lies_behind_a_picture_does_not_matter(kind: str, trailer: bytes) -> None:
    assert is_whole(KINDS[kind] + trailer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_picture_without_its_end_is_cut_off(kind: str, kept: float) -> None:
    assert not is_whole(KINDS[kind][: int(len(KINDS[kind]) * kept)])


def test_the_end_of_a_thumbnail_is_not_the_end() -> None:
    jpeg = KINDS["jpeg"]
    inner = b"Exif\0\0" + KINDS["progressive"][:3000] + b"\xff\xd9"
    segment = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    with_thumbnail = jpeg[:2] + segment + jpeg[2:]
    assert is_whole(with_thumbnail)
    assert not is_whole(with_thumbnail[:-2000])


def test_other_kinds_are_not_judged() -> None:
    assert is_whole(b"BM a bitmap")
