"""Pictures of the map: those not used lately lie in a nameless file, or in memory where there is no room for one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.counting.mapping import keyfields
from hemato_edge.counting.mapping.registration import Registration
from hemato_edge.store.file import map_pictures
from hemato_edge.store.file.map_pictures import MapPictures
from hemato_edge.vision.field_view import FieldView


@pytest.fixture(autouse=True)
def _few_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_pictures, "IN_MEMORY", 3)


def picture(number: int, length: int = 0) -> bytes:
    return np.random.default_rng(number).bytes(length or 5000 + 997 * number)


def test_every_picture_comes_back_and_the_file_has_no_name(tmp_path: Path) -> None:
    kept = MapPictures(tmp_path, lambda: True)
    for number in range(12):
        kept.put(number, picture(number))
    assert [kept.get(number) for number in range(12)] == [picture(number) for number in range(12)]
    assert list(tmp_path.iterdir()) == []
    assert kept.file_bytes > 9 * 5000


def test_a_small_map_writes_nothing(tmp_path: Path) -> None:
    kept = MapPictures(tmp_path / "not there", lambda: True)
    for number in range(3):
        kept.put(number, picture(number))
    assert kept.file_bytes == 0


def test_the_place_of_a_forgotten_picture_is_used_again(tmp_path: Path) -> None:
    kept = MapPictures(tmp_path, lambda: True)
    for number in range(200):
        kept.put(number, picture(number, 5000))
        if number >= 10:
            kept.forget(number - 10)
    assert kept.file_bytes <= 11 * 8192
    for number in range(190, 194):  # several at once
        kept.forget(number)
    for number in range(200, 208):
        kept.put(number, picture(number, 5000))
    assert [kept.get(number) for number in range(194, 208)] == [picture(number, 5000) for number in range(194, 208)]


def test_without_room_pictures_stay_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    full, missing = MapPictures(tmp_path, lambda: False), MapPictures(tmp_path / "not there", lambda: True)
    for kept in (full, missing):
        for number in range(9):
            kept.put(number, picture(number))
        assert [kept.get(number) for number in range(9)] == [picture(number) for number in range(9)]
        assert kept.file_bytes == 0
    assert len(caplog.records) == 1


def test_a_picture_that_cannot_be_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = MapPictures(tmp_path, lambda: True)
    for number in range(5):
        kept.put(number, picture(number))
    monkeypatch.setattr(os, "pread", lambda *_: b"short")
    assert [kept.get(number) is None for number in range(5)] == [True, True, False, False, False]


def test_tracking_is_the_same_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk there and back over the slide, whose key fields are compared again on the way back."""
    monkeypatch.setattr(map_pictures, "IN_MEMORY", 1)
    monkeypatch.setattr(keyfields, "_CACHED", 1)
    camera = DemoCamera(2, max_step_px=150.0, frames=24)
    camera.open()
    frames = [camera.read().image for _ in range(24)]
    path = [*frames, *frames[::-1]]
    pictures, pread, read = MapPictures(tmp_path, lambda: True), os.pread, []
    monkeypatch.setattr(os, "pread", lambda *where: read.append(where) or pread(*where))
    with_file, in_memory = Registration(pictures=pictures), Registration()
    assert [with_file.locate(FieldView(one)) for one in path] == [in_memory.locate(FieldView(one)) for one in path]
    assert pictures.file_bytes > 0
    assert len(read) > 10
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    assert with_file.locate(FieldView(path[0])).region >= 0  # a lost picture ends nothing
