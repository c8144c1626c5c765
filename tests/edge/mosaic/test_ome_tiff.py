"""Written by tifffile, read by Pillow, which is no kin of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tifffile")
pytest.importorskip("PIL")

from hemato_edge.errors import MissingExtraError
from hemato_edge.mosaic.ome_tiff import write_ome_tiff
from hemato_edge.output_files import OutputError

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION, TILE_WIDTH = 270, 322


@pytest.fixture
def canvas() -> np.ndarray:
    rows, columns = np.mgrid[:700, :1100]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=2).astype(np.uint8)


def test_an_independent_reader_sees_the_same_pixels(canvas: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    write_ome_tiff(canvas, path, 0.25, "slide 12")
    from PIL import Image

    with Image.open(path) as picture:
        assert picture.size == (1100, 700)
        assert np.array_equal(np.asarray(picture.convert("RGB"))[:, :, ::-1], canvas)
        assert picture.tag_v2[TILE_WIDTH] == 256
        description = picture.tag_v2[DESCRIPTION]
    for said in ('SizeX="1100"', 'SizeY="700"', 'PhysicalSizeX="0.25"', 'PhysicalSizeXUnit="µm"', 'Name="slide 12"'):
        assert said in description.encode("latin-1").decode()  # Pillow reads a tag's bytes as Latin-1


def test_the_levels_are_halvings(canvas: np.ndarray, tmp_path: Path) -> None:
    import tifffile

    path = tmp_path / "slide.ome.tif"
    write_ome_tiff(canvas, path, None, "slide")
    with tifffile.TiffFile(path) as file:
        levels = file.series[0].levels
        assert [level.shape for level in levels] == [(700, 1100, 3), (350, 550, 3), (175, 275, 3), (87, 137, 3)]
        mean = canvas[:, :, ::-1].reshape(350, 2, 550, 2, 3).mean(axis=(1, 3))
        assert np.abs(levels[1].asarray() - mean).max() <= 1
        assert "PhysicalSize" not in (file.ome_metadata or "")


def test_a_failed_write_leaves_nothing(canvas: np.ndarray, tmp_path: Path) -> None:
    target = tmp_path / "slide.ome.tif"
    target.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_ome_tiff(canvas, target, None, "slide")
    assert not list(tmp_path.glob("*.partial"))


def test_without_the_library_the_error_says_what_to_do(
    canvas: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingExtraError, match="tifffile") as raised:
        write_ome_tiff(canvas, tmp_path / "slide.ome.tif", None, "slide")
    assert "hemato-edge[mosaic]" in raised.value.fix
