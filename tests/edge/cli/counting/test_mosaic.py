"""`run --mosaic` on the drawn slide, whose truth is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tifffile")

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import SLIDE_SIZE_PX

if TYPE_CHECKING:
    from pathlib import Path

RED_CELL_PX = 70.0
FRAMES = 90


def test_the_mosaic_of_a_walk_and_where_its_cells_lie(program, tmp_path: Path) -> None:
    import tifffile

    done = program("run", "--camera", "demo", "--max-frames", str(FRAMES), "--no-display", "--mosaic", "slide.ome.tif")
    assert done.returncode == 0, done.stderr
    assert "takes up to" in done.stderr
    with tifffile.TiffFile(tmp_path / "slide.ome.tif") as file:
        height, width, _ = file.series[0].shape
    assert 640 < width < SLIDE_SIZE_PX[0]
    assert height >= 480
    found = json.loads((tmp_path / "slide.geojson").read_text())["features"]
    middles = np.array([np.mean(one["geometry"]["coordinates"][0][:-1], axis=0) for one in found])
    assert len(middles) > 5
    truth = np.array([(one.x_px, one.y_px) for one in DemoCamera(1).slide.truth])
    moved = best_shift(middles, truth)
    off = np.hypot(*(truth[None] - (middles + moved)[:, None]).transpose(2, 0, 1)).min(axis=1)
    assert np.median(off) < 0.1 * RED_CELL_PX
    assert not (tmp_path / "slide.ome.tif.pictures").exists()


def best_shift(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The translation under which most found cells lie on a true one."""
    shifts = (truth[:, None] - found[None]).reshape(-1, 2)
    votes, x, y = np.histogram2d(*shifts.T, bins=[np.arange(-4000, 4001, 20)] * 2)
    i, j = np.unravel_index(votes.argmax(), votes.shape)
    near = np.hypot(*(shifts - (x[i] + 10, y[j] + 10)).T) < 20
    return np.median(shifts[near], axis=0)


@pytest.mark.parametrize(("name", "said"), [("slide.png", "does not end with .ome.tif"), ("a/b.ome.tif", "no folder")])
def test_a_place_where_none_can_be_written_is_told_before_counting(program, tmp_path: Path, name, said) -> None:
    done = program("run", "--camera", "demo", "--max-frames", "5", "--no-display", "--mosaic", name)
    assert done.returncode != 0
    assert said in done.stderr
    assert not list(tmp_path.glob("**/*.db"))
