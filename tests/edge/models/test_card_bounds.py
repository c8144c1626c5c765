"""A card vouches for a model, and nobody for the card: what it says has to be physically possible."""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from hemato_edge.errors import ModelError
from hemato_edge.models import bundle
from hemato_edge.models.bundle import CARD, read_bundle, shipped_classifier, shipped_models
from hemato_edge.models.card import read_card


def card_with(path: str, value: object) -> bytes:
    """The shipped classifier's card with one value replaced; `path` names it, its parts joined by dots."""
    card = json.loads(read_bundle(shipped_classifier()).card.model_dump_json())
    *way, last = path.split(".")
    inner = card
    for part in way:
        inner = inner[part]
    inner[last] = value
    return json.dumps(card).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("temperature", math.inf),
        ("temperature", math.nan),
        ("temperature", 1e-320),
        ("temperature", 1e6),
        ("rejection_threshold", 0.0),  # rejects nothing
        ("rejection_threshold", 0.1),  # less than chance
        ("rejection_threshold", 1.0),
        ("golden.tolerance", 1e9),
        ("golden.tolerance", 7.0),  # right for a locator's whole numbers, not for a logit
        ("golden.tolerance", math.inf),
        ("golden.tolerance", 0),
        ("golden.count", 10**9),
        ("input.crop_red_cells", math.inf),
        ("input.crop_red_cells", 1e9),
        ("input.crop_red_cells", 1e-9),
        ("input.scale", math.nan),
        ("input.scale", -1.0),
        ("input.zero_point", 300),
        ("stain.reference_level", math.inf),
        ("confusion", [[-5] * 8] * 8),
        ("confusion", [[0] * 8] * 8),
        ("confusion", [[10**400] * 8] * 8),
        ("name", "\x1b[31mEVIL\x1b]0;title\x07"),
        ("name", "x" * 5000),
        ("licence", "a\rb"),
        ("labels", ["x" * 50_000, "b"]),
        ("labels", [f"cell{i}" for i in range(5000)]),
    ],
)
def test_what_cannot_be_is_refused(path: str, value: object) -> None:
    with pytest.raises(ValidationError):
        read_card(card_with(path, value))


def test_the_shipped_card_itself_is_possible() -> None:
    assert read_card(card_with("rejection_threshold", 0.9)).name


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.tflite"
    shutil.copy(shipped_classifier(), path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CARD, card_with("temperature", 0.06))
    with pytest.raises(ModelError, match="two parts of one name"):
        read_bundle(path)


def test_a_shipped_model_that_was_exchanged_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shipped"
    shutil.copytree(bundle.SHIPPED, folder)
    monkeypatch.setattr(bundle, "SHIPPED", folder)
    assert read_bundle(folder / "classifier.tflite").sha256
    shutil.copy(folder / "locator.tflite", folder / "classifier.tflite")  # whole, with a good card of its own
    with pytest.raises(ModelError, match="changed afterwards"):
        read_bundle(folder / "classifier.tflite")


def test_the_sums_are_those_of_the_shipped_models() -> None:
    listed = {line.split("  ")[1] for line in (bundle.SHIPPED / bundle.SUMS).read_text().splitlines()}
    assert listed == {path.name for path in shipped_models()}
    for path in shipped_models():
        read_bundle(path)  # else: cd edge/hemato_edge/models/shipped && sha256sum *.tflite > SHA256SUMS


def test_a_card_that_unpacks_to_hundreds_of_megabytes_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tflite"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("labels.txt", "golden.npz"):
            archive.writestr(name, b"")
        archive.writestr("card.json", b" " * (8 << 20))
    with pytest.raises(ModelError, match="unpack to more than a card can have"):
        read_bundle(path)
