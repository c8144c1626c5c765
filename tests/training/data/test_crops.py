from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

pytest.importorskip("keras")

from training.drawn_blood import BACKGROUND, RED_PX

from hemato_edge.errors import DataError
from hemato_edge.vision.classify.crops import CROP_RED_CELLS, cut_crop, prepare
from hemato_edge.vision.field_view import FieldView
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.classify.batches import TrainingBatches, draw_epoch
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import (
    Look,
    cells_of,
    cut_cells,
    looks_of,
    measure_look,
    prepare_cells,
    read_picture,
)
from hemato_training.data.records import by_laboratory, in_split

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 64


@pytest.fixture(scope="module")
def material(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory):
    records = load(drawn_data)
    cache = tmp_path_factory.mktemp("cache")
    looks = looks_of(records, cache)
    return records, looks, cells_of(in_split(records, "train"), looks, SIZE, cache, MARGIN), cache


def test_look_is_measured_by_the_device_s_code(material) -> None:
    _, looks, _, _ = material
    for look in looks.values():
        assert look.red_cell_px == pytest.approx(RED_PX, rel=0.2)
        assert look.stain.background == pytest.approx(BACKGROUND, abs=6)
    assert Look.from_json(looks["pbc"].as_json()) == looks["pbc"]


def test_look_needs_cells(tmp_path: Path, drawn_data: Path) -> None:
    path = tmp_path / "empty.png"
    cv2.imwrite(str(path), np.full((120, 120, 3), 230, np.uint8))
    record = replace(load(drawn_data)[0], path=path)
    with pytest.raises(DataError, match=r"No (cell|nucleus) was found"):
        measure_look([record])


def test_crops_are_those_of_the_device(material) -> None:
    records, looks, _, _ = material
    record = by_laboratory(in_split(records, "val"))["bccd"][0]
    cells = cut_cells([record], looks, SIZE)
    x0, y0, x1, y1 = record.box
    side = CROP_RED_CELLS * looks["bccd"].red_cell_px
    glass = FieldView(read_picture(record.path)).background
    expected = cut_crop(FieldView(read_picture(record.path)), ((x0 + x1) / 2, (y0 + y1) / 2), side, SIZE)
    assert np.array_equal(cells.crops[0], expected)
    assert np.array_equal(prepare_cells(cells, looks), prepare(expected[None], looks["bccd"].stain.on_glass(glass)))


def test_margin_keeps_scale_and_centre(material) -> None:
    records, looks, _, _ = material
    some = records[:3]
    exact, wide = cut_cells(some, looks, SIZE), cut_cells(some, looks, SIZE, MARGIN)
    edge = (wide.crops.shape[1] - SIZE) // 2
    middle = wide.crops[:, edge : edge + SIZE, edge : edge + SIZE]
    assert np.abs(middle.astype(int) - exact.crops).mean() < 6


def test_cache_is_used_and_follows_the_data(material, monkeypatch: pytest.MonkeyPatch) -> None:
    records, looks, cells, cache = material
    train = in_split(records, "train")
    monkeypatch.setattr("hemato_training.data.crops.cut_cells", lambda *a: pytest.fail("cut although cached"))
    again = cells_of(train, looks, SIZE, cache, MARGIN)
    assert np.array_equal(again.crops, cells.crops)
    assert again.keys.tolist() == cells.keys.tolist()
    with pytest.raises(pytest.fail.Exception):
        cells_of(train[1:], looks, SIZE, cache, MARGIN)
    with pytest.raises(pytest.fail.Exception):
        cells_of(train, looks, SIZE + 1, cache, MARGIN)


def test_laboratories_share_the_cache_whatever_they_are_combined_with(
    material, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, looks, cells, cache = material
    train = in_split(records, "train")
    monkeypatch.setattr("hemato_training.data.crops.cut_cells", lambda *a: pytest.fail("cut although cached"))
    for name, own in by_laboratory(train).items():
        alone = cells_of(own, {name: looks[name]}, SIZE, cache, MARGIN)
        assert np.array_equal(alone.crops, cells.of_laboratory(name).crops)
    mixed = [record for pair in zip(*by_laboratory(train).values(), strict=False) for record in pair]
    whole = dict(by_laboratory(train).items())
    turned = [*mixed, *(record for own in whole.values() for record in own if record not in mixed)]
    assert cells_of(turned, looks, SIZE, cache, MARGIN).laboratories.tolist() == [one.laboratory for one in turned]


def test_unreadable_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be read"):
        read_picture(path)


def test_epoch_is_balanced_and_repeatable(material) -> None:
    _, _, cells, _ = material
    order = draw_epoch(cells, 4.0, seed=1, epoch=3)
    assert np.array_equal(order, draw_epoch(cells, 4.0, seed=1, epoch=3))
    assert not np.array_equal(order, draw_epoch(cells, 4.0, seed=1, epoch=4))
    drawn = cells.laboratories[order]
    assert np.count_nonzero(drawn == "bccd") == 4 * np.count_nonzero(cells.laboratories == "bccd")
    assert set(order) == set(range(len(cells)))


def test_small_classes_are_drawn_more_often_but_not_alike(material) -> None:
    _, _, cells, _ = material
    neutrophil, other = np.flatnonzero(cells.labels == 0), np.flatnonzero(cells.labels == 2)
    uneven = cells.select(np.concatenate([np.repeat(neutrophil, 8), other]))
    share = np.mean(uneven.labels[draw_epoch(uneven, 1.0, 0, 0)] == 2)
    assert np.mean(uneven.labels == 2) < share < 0.5


def test_laboratories_and_slides_are_drawn_by_the_root_of_their_size(material) -> None:
    _, _, cells, _ = material
    one = np.flatnonzero((cells.laboratories == "pbc") & (cells.labels == 0))[:1]
    other = np.flatnonzero((cells.laboratories == "bccd") & (cells.labels == 0))[:1]
    many = cells.select(np.concatenate([one.repeat(90), other.repeat(10)]))
    slides = np.array(["a"] * 81 + ["b"] * 9 + [f"field {i}" for i in range(10)])
    uneven = replace(many, groups=slides)
    order = draw_epoch(uneven, 0.0, seed=1, epoch=0, views=4000)
    assert len(order) == pytest.approx(4000, abs=4)
    assert np.mean(uneven.laboratories[order] == "pbc") == pytest.approx(3 / 4, abs=0.01)
    of_pbc = uneven.groups[order][uneven.laboratories[order] == "pbc"]
    assert np.mean(of_pbc == "a") == pytest.approx(3 / 4, abs=0.01)


def test_batches_follow_from_seed_epoch_and_place(material) -> None:
    _, looks, cells, _ = material
    order = draw_epoch(cells, 1.0, 1, 0)

    def batches(epoch: int) -> TrainingBatches:
        return TrainingBatches(cells, looks, order, size=SIZE, classes=8, batch=10, seed=1, epoch=epoch, strength=0.6)

    images, targets = batches(0)[2]
    assert images.shape == (10, SIZE, SIZE, 3)
    assert images.dtype == np.float32
    assert 0 <= images.min() < 120 < images.max() <= 255
    assert np.array_equal(targets.argmax(axis=1), cells.labels[order[20:30]])
    assert np.array_equal(images, batches(0)[2][0])
    assert not np.array_equal(images, batches(1)[2][0])
    assert len(batches(0)) == len(order) // 10
