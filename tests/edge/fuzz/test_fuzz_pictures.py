"""Damaged pictures and videos: read or refused; no crash, no hang, no surprise. In a process that may die."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st
from victim import Victim

LIMIT_S = 60.0
"""Generous: the machine may be busy. A hang has no end."""
MAGIC = (
    b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"RIFF\x10\0\0\0WEBPVP8 ", b"GIF89a", b"P6 ",
    b"\0\0\0\x0cjP  \r\n\x87\n", b"v/1\x01", b"#?RADIANCE\n", b"Y\xa6j\x95", b"PF\n", b"\0\0\0\x1cftypavif", b"",
)  # fmt: skip


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    running = Victim()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


def small_picture(seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    return cv2.resize(noise, (96, 64), interpolation=cv2.INTER_CUBIC)


@lru_cache
def encoded(suffix: str) -> bytes:
    good, content = cv2.imencode(suffix, small_picture())
    assert good
    return bytes(content)


@lru_cache
def filmed(suffix: str, codec: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"film{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (96, 64))
        for seed in range(12):
            writer.write(small_picture(seed))
        writer.release()
        return path.read_bytes()


def check(victim: Victim, kind: str, path: Path, content: bytes) -> str:
    path.write_bytes(content)
    answer = victim.ask(kind, path, LIMIT_S)
    assert answer.startswith(("good", "refused")), answer
    return answer


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_whole_pictures_are_read(victim: Victim, folder: Path, suffix: str) -> None:
    assert check(victim, "picture", folder / f"whole{suffix}", encoded(suffix)) == "good (64, 96, 3)"


@pytest.mark.parametrize(("suffix", "codec"), [(".avi", "MJPG"), (".mp4", "mp4v"), (".mkv", "MPEG")])
def test_whole_videos_are_read(victim: Victim, folder: Path, suffix: str, codec: str) -> None:
    assert check(victim, "video", folder / f"whole{suffix}", filmed(suffix, codec)) == "good 12"


@given(st.data(), st.sampled_from([".png", ".jpg", ".bmp", ".tif", ".webp"]))
def test_damaged_pictures(victim: Victim, folder: Path, data: st.DataObject, suffix: str) -> None:
    check(victim, "picture", folder / f"damaged{suffix}", data.draw(damaged(encoded(suffix))))


@given(st.sampled_from(MAGIC), st.binary(max_size=600))
def test_any_bytes_as_a_picture(victim: Victim, folder: Path, magic: bytes, content: bytes) -> None:
    check(victim, "picture", folder / "any.png", magic + content)


@given(st.data(), st.sampled_from([(".avi", "MJPG"), (".mp4", "mp4v"), (".mkv", "MPEG")]))
def test_damaged_videos(victim: Victim, folder: Path, data: st.DataObject, made: tuple[str, str]) -> None:
    check(victim, "video", folder / f"damaged{made[0]}", data.draw(damaged(filmed(*made))))


@given(st.binary(max_size=600))
def test_any_bytes_as_a_video(victim: Victim, folder: Path, content: bytes) -> None:
    check(victim, "video", folder / "any.mp4", content)
