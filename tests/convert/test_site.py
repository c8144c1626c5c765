"""A site's folder as training cells, and the whole way from it to a bundle."""

from __future__ import annotations

from pathlib import Path

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
    for name, number in numbers.items():
        (place / name).mkdir(parents=True)
        for i in range(number):
            (place / name / f"{i:02}.png").write_bytes(b"a picture")
    return place


def test_every_fourth_cell_of_a_class_is_held_out(tmp_path: Path) -> None:
    records = site_records(folder_of(tmp_path / "clinic", Neutrophil=17, lymphocytes=8, notes=3))
    assert {(r.label, r.split): 0 for r in records}.keys() == {
        ("neutrophil", "train"),
        ("neutrophil", "val"),
        ("lymphocyte", "train"),
        ("lymphocyte", "val"),
    }
    assert sum(r.split == "val" for r in records) == 4 + 2
    assert {r.laboratory for r in records} == {"clinic"}


def test_a_folder_of_a_known_name_is_no_known_data_set(tmp_path: Path) -> None:
    records = site_records(folder_of(tmp_path / "pbc", neutrophil=20, lymphocyte=8))
    assert records[0].laboratory == "pbc (site)"


@pytest.mark.parametrize("numbers", [{}, {"neutrophil": 24}, {"neutrophil": 30}, {"neutrophil": 20, "monocyte": 4}])
def test_too_few_cells_are_refused(tmp_path: Path, numbers: dict[str, int]) -> None:
    with pytest.raises(DataError, match=r"\d+ cells of \d+ classes; 25 of two classes are the least"):
        site_records(folder_of(tmp_path / "clinic", **numbers))


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
