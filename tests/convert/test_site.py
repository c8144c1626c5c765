"""A site's folder as training cells, and the whole way from it to a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras")

from hemato_convert.site import site_records, train_for_site
from hemato_edge.errors import DataError
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.classify.site_tuning import Tuning, split_for_tuning
from hemato_training.networks.backbones import TRUNK, build_classifier
from hemato_training.networks.keras_model import keras_logits, keras_outputs
from hemato_training.progress import Silent

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


def folder_of(place: Path, **numbers: int) -> Path:
    rng = np.random.default_rng(len(numbers))
    for name, number in numbers.items():
        (place / name).mkdir(parents=True)
        for i in range(number):
            cv2.imwrite(str(place / name / f"{i:02}.png"), rng.integers(0, 256, (60, 60, 3), np.uint8))
    return place


def test_a_quarter_of_each_class_is_held_out(tmp_path: Path) -> None:
    records = site_records(folder_of(tmp_path / "clinic", Neutrophil=20, lymphocytes=8), Silent())
    held = [record.label for record in records if record.split == "val"]
    assert (held.count("neutrophil"), held.count("lymphocyte"), len(records)) == (5, 2, 28)
    assert {r.laboratory for r in records} == {"clinic"}


def test_the_same_picture_is_never_on_both_sides(tmp_path: Path) -> None:
    """A cell that was saved several times would be judged by what was learnt of it."""
    folder = folder_of(tmp_path / "clinic", neutrophil=20, lymphocyte=12)
    for i in range(0, 20, 2):
        shutil.copy(folder / "neutrophil" / f"{i:02}.png", folder / "neutrophil" / f"copy{i:02}.png")
    sides = {record.key.removeprefix("neutrophil/copy"): record.split for record in site_records(folder, Silent())}
    for i in range(0, 20, 2):
        assert sides[f"{i:02}.png"] == sides[f"neutrophil/{i:02}.png"]


def test_a_split_of_the_folder_s_own_is_kept(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "reviewed", neutrophil=20, lymphocyte=12)
    rows = [
        f"{p.relative_to(folder)},{p.parent.name},{'val' if '1' in p.stem else 'train'}" for p in folder.rglob("*.png")
    ]
    (folder / "index.csv").write_text("image,label,split\n" + "\n".join(rows))
    for record in site_records(folder, Silent()):
        assert record.split == ("val" if "1" in record.path.stem else "train")


def test_a_folder_of_a_known_name_is_no_known_data_set(tmp_path: Path) -> None:
    records = site_records(folder_of(tmp_path / "pbc", neutrophil=20, lymphocyte=8), Silent())
    assert records[0].laboratory == "pbc (site)"


@pytest.mark.parametrize("numbers", [{"neutrophil": 24}, {"neutrophil": 30}, {"neutrophil": 20, "monocyte": 4}])
def test_too_few_cells_are_refused(tmp_path: Path, numbers: dict[str, int]) -> None:
    with pytest.raises(DataError, match=r"\d+ cells of \d+ classes; 25 of two classes are the least"):
        site_records(folder_of(tmp_path / "clinic", **numbers), Silent())


@pytest.mark.slow
def test_the_two_parts_are_the_whole_and_only_the_second_learns() -> None:
    model = build_classifier("mobilenet_v2", 64, 8, alpha=0.35, weights="none")
    images = np.random.default_rng(1).integers(0, 256, (8, 64, 64, 3), np.uint8)
    front, tail = split_for_tuning(model)
    through = keras_outputs(tail, keras_outputs(front, images))
    np.testing.assert_allclose(through, keras_logits(model, images), rtol=1e-3, atol=1e-3)
    learns = {weight.path for weight in tail.trainable_weights}
    assert any("block_16" in path for path in learns)
    assert not any("_BN" in path or "block_15" in path for path in learns)
    assert len(model.get_layer(TRUNK).trainable_weights) > len(tail.trainable_weights)


@pytest.mark.slow
def test_from_a_folder_to_a_bundle_with_its_own_card(tmp_path: Path) -> None:
    if not (SHARED / "bccd").is_dir():
        pytest.skip("the development data are not here")
    data, site = tmp_path / "data", tmp_path / "clinic"
    data.mkdir()
    (data / "bccd").symlink_to((SHARED / "bccd").resolve())
    for label, number in (("lymphocyte", 16), ("neutrophil", 16)):
        (site / label).mkdir(parents=True)
        for picture in sorted((SHARED / "pbc" / label).iterdir())[:number]:
            (site / label / picture.name).symlink_to(picture.resolve())
    made = train_for_site(
        site, data, tmp_path / "own.tflite", shipped_classifier(), tuning=Tuning(views=64, epochs=1), reporter=Silent()
    )
    own, shipped = read_bundle(tmp_path / "own.tflite").card, read_bundle(shipped_classifier()).card
    assert made.held_out == 8
    assert {part.name: part.val for part in own.training}["clinic"] == 8
    assert own.rejection_threshold >= shipped.rejection_threshold  # type: ignore[union-attr]
    assert own.abroad == shipped.abroad  # type: ignore[union-attr]
    assert ClassifierModel(read_bundle(tmp_path / "own.tflite")).verify() == 0
