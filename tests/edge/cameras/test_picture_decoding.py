"""HEIC pictures are read as any other, upright; without the package for it they are named, with what mends it."""

from __future__ import annotations

import builtins
import io
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.heic import is_heic
from hemato_edge.cameras.picture_files import read_picture
from hemato_edge.cli.main import app
from hemato_edge.errors import ImageError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

pillow_heif = pytest.importorskip("pillow_heif")


ONE_THREAD = {"preset": "ultrafast", "x265:pools": "none", "x265:frame-threads": "1"}
"""Of the encoder: its threads take turns, 26 s for a field on a machine with other work, against 1.1 s without."""


def heic(picture: np.ndarray, orientation: int = 1) -> bytes:
    """A HEIC file of a picture (H, W, 3) uint8 BGR, with an EXIF orientation."""
    from PIL import Image

    file = pillow_heif.from_pillow(Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)))
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x112] = orientation
    file.save(stream, quality=90, exif=exif.tobytes(), enc_params=ONE_THREAD)
    return stream.getvalue()


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    camera = DemoCamera(3, still=True)
    camera.open()
    return camera.read(60.0).image


def test_a_picture_is_what_was_saved_whatever_its_name_says(tmp_path: Path, field: np.ndarray) -> None:
    for name in ("a.heic", "b.HEIF", "c.jpg"):
        (tmp_path / name).write_bytes(heic(field))
        read = read_picture(tmp_path / name)
        assert read.shape == field.shape
        assert float(np.abs(read.astype(int) - field).mean()) < 4


def test_it_is_upright(tmp_path: Path, field: np.ndarray) -> None:
    (tmp_path / "turned.heic").write_bytes(heic(field, orientation=6))  # a quarter clockwise
    read = read_picture(tmp_path / "turned.heic")
    wanted = np.rot90(field, -1)
    assert read.shape == wanted.shape
    assert float(np.abs(read.astype(int) - wanted).mean()) < 4


@pytest.mark.parametrize("kept", [12, 200, 0.5])
def test_a_cut_off_one_is_refused(tmp_path: Path, field: np.ndarray, kept: float) -> None:
    content = heic(field)
    (tmp_path / "cut.heic").write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(ImageError, match="is not a picture, or it is damaged"):
        read_picture(tmp_path / "cut.heic")


def test_without_the_package_it_is_named_with_what_mends_it(
    tmp_path: Path, field: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.heic").write_bytes(heic(field))
    found = builtins.__import__

    def hidden(name: str, *rest: Any) -> Any:
        if name.startswith("pillow_heif"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", hidden)
    with pytest.raises(MissingExtraError) as raised:
        read_picture(tmp_path / "a.heic")
    assert "hemato-edge[heic]" in raised.value.fix
    assert "magick" in raised.value.fix


def test_analyze_takes_it_from_a_folder(tmp_path: Path, field: np.ndarray) -> None:
    (tmp_path / "a.heic").write_bytes(heic(field))
    result = CliRunner().invoke(app, ["analyze", str(tmp_path), "--jsonl"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout.splitlines()[0])
    assert answer["counts"]["rbc"] > 5


def test_other_containers_of_that_family_are_none() -> None:
    assert is_heic(b"\0\0\0\x1cftypheic")
    assert not is_heic(b"\0\0\0\x1cftypisom")  # a video
    assert not is_heic(b"\xff\xd8\xff\xe0")
