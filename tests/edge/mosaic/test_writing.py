from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tifffile")

from hemato_edge.mosaic.collector import MosaicCollector
from hemato_edge.mosaic.writing import check_mosaic_path, pictures_folder, write_mosaic
from hemato_edge.output_files import OutputError
from hemato_edge.values import Pose
from hemato_edge.vision.field_view import FieldView

if TYPE_CHECKING:
    from pathlib import Path


def collected(path: Path, regions: dict[int, int]) -> MosaicCollector:
    """A collector of so many pictures a region."""
    collector = MosaicCollector(pictures_folder(path))
    for region, count in regions.items():
        for step in range(count):
            picture = np.full((60, 80, 3), 200 + step, np.uint8)
            collector.saw(FieldView(picture), Pose(region, 60.0 * step, 0.0, 1.0), 0.3)
    return collector


def test_a_file_a_region_the_largest_first(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    written = write_mosaic(collected(path, {0: 1, 1: 4, 2: 2}), path, 0.5)
    assert [(one.path.name, one.frames, one.width) for one in written] == [
        ("slide.ome.tif", 4, 260),
        ("slide-2.ome.tif", 2, 140),
    ]  # a region of one picture gets none
    assert json.loads((tmp_path / "slide-2.geojson").read_text())["features"] == []
    left = sorted(one.name for one in tmp_path.iterdir())
    assert left == ["slide-2.geojson", "slide-2.ome.tif", "slide.geojson", "slide.ome.tif"]


def test_a_single_picture_is_a_mosaic_too(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    assert [one.frames for one in write_mosaic(collected(path, {0: 1}), path)] == [1]


def test_a_disk_without_room_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "slide.ome.tif"
    collector = collected(path, {0: 3})
    monkeypatch.setattr("hemato_edge.mosaic.writing.shutil.disk_usage", lambda _: type("U", (), {"free": 1000}))
    with pytest.raises(OutputError, match="are free"):
        write_mosaic(collector, path)
    assert not path.exists()
    assert pictures_folder(path).is_dir()


@pytest.mark.parametrize(("name", "message"), [("slide.png", "does not end with"), ("no/slide.ome.tif", "no folder")])
def test_where_no_mosaic_can_be_written(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        check_mosaic_path(tmp_path / name)
