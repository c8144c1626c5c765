from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.picture_damage import CUT_OFF, damage_of


def coded(suffix: str, *options: int) -> bytes:
    picture = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    return bytes(cv2.imencode(suffix, picture, list(options))[1])


KINDS = {
    "jpeg": coded(".jpg"),
    "progressive": coded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": coded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    "png": coded(".png"),
    "webp": coded(".webp"),
    "tiff": coded(".tif"),
    "uncompressed tiff": coded(".tif", cv2.IMWRITE_TIFF_COMPRESSION, 1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trailer", [b"", b"\0" * 4000, b"\xff\xd8 a film behind it \xff", b"\xff\xd9" * 3])
def test_what_lies_behind_a_picture_does_not_matter(kind: str, trailer: bytes) -> None:
    assert damage_of(KINDS[kind] + trailer) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_picture_without_its_end_is_cut_off(kind: str, kept: float) -> None:
    assert damage_of(KINDS[kind][: int(len(KINDS[kind]) * kept)]) == CUT_OFF


def test_the_end_of_a_thumbnail_is_not_the_end() -> None:
    jpeg = KINDS["jpeg"]
    inner = b"Exif\0\0" + KINDS["progressive"][:3000] + b"\xff\xd9"
    segment = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    with_thumbnail = jpeg[:2] + segment + jpeg[2:]
    assert damage_of(with_thumbnail) is None
    assert damage_of(with_thumbnail[:-2000]) == CUT_OFF


def test_other_kinds_are_not_judged() -> None:
    assert damage_of(b"BM a bitmap") is None


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "restarts"])
def test_what_the_decoder_complains_of_is_damage(kind: str) -> None:
    """A sector of the card is lost: of a hundred places most are noticed; what is noticed is never an intact file."""
    content, rng, noticed = KINDS[kind], np.random.default_rng(2), 0
    for at in rng.integers(1000, len(content) - 600, 100):
        lost = content[:at] + bytes(512) + content[at + 512 :]
        damage = damage_of(lost)
        noticed += damage is not None
        assert damage is None or damage.startswith(("its data are damaged (", CUT_OFF))
    assert noticed >= 90


def test_a_byte_of_a_png_is_missed_by_its_checksum() -> None:
    content = KINDS["png"]
    for at in np.random.default_rng(3).integers(60, len(content) - 20, 30).tolist():
        assert damage_of(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_a_camera_may_pad_before_the_end(filler: bytes) -> None:
    jpeg = KINDS["jpeg"]
    assert damage_of(jpeg[:-2] + 64 * filler + jpeg[-2:]) is None
