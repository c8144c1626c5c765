"""The command from pictures to a head that the device reads, on drawn cells."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cli.main import app
from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.errors import DataError
from hemato_edge.vision.red_cells.shapes import load_shape_namer
from hemato_training.red_cells.training import train_shapes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Named fields as of chula, each of a slide of its own, and pictures as of pbc."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "chula" / "fields").mkdir(parents=True)
    (folder / "pbc").mkdir()
    rows, healthy = ["image,points"], ["image,label,subcode,split"]
    for seed in range(6):
        image, objects = draw_field(seed)
        points = []
        for one in objects:
            if one.label == "red_cell":
                wide, high = one.box[2] - one.box[0], one.box[3] - one.box[1]
                name = "ovalocyte" if max(wide, high) > 1.1 * min(wide, high) else "normal"
                points.append(f"rbc {name} {one.x_px:.0f} {one.y_px:.0f}")
        number = 50 * seed
        cv2.imwrite(str(folder / "chula" / "fields" / f"{number}.jpg"), image)
        rows.append(f"fields/{number}.jpg,{';'.join(points)}")
    for seed, split in ((20, "train"), (21, "val")):
        cv2.imwrite(str(folder / "pbc" / f"{seed}.jpg"), draw_field(seed)[0])
        healthy.append(f"{seed}.jpg,neutrophil,SNE,{split}")
    (folder / "chula" / "index.csv").write_text("\n".join(rows))
    (folder / "pbc" / "index.csv").write_text("\n".join(healthy))
    return folder


def test_the_command_makes_a_head_that_the_device_reads(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "head.json"
    done = CliRunner().invoke(app, ["train", "red-cells", "--data", str(data), "--out", str(out), "--seeds", "1"])
    assert done.exit_code == 0, done.output
    assert "| ovalocyte |" in done.output
    card = load_shape_namer(out).head.card
    assert card.labels == SHAPES
    assert card.training[0].train > 20
    assert card.shapes["ovalocyte"].cells > 0
    assert not card.shapes["stomatocyte"].reliable
    assert json.loads(out.read_text())["card"]["task"] == "red_cell_shapes"


def test_without_the_data_it_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        train_shapes(tmp_path, tmp_path / "head.json")
    (tmp_path / "chula").symlink_to(data / "chula")
    with pytest.raises(DataError, match="pbc"):
        train_shapes(tmp_path, tmp_path / "head.json")
    assert not (tmp_path / "head.json").exists()


def test_golden_cells_are_those_that_were_learnt(data: Path, tmp_path: Path) -> None:
    made = train_shapes(data, tmp_path / "head.json", seeds=1)
    again = load_shape_namer(tmp_path / "head.json").head
    assert np.array_equal(made.head.weights, again.weights)
    assert sum(made.cells.values()) == again.card.training[0].train
