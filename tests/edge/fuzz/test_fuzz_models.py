"""Any bytes for a model file: a verified bundle or a ModelError, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import CARD, GOLDEN, LABELS, MODEL, read_bundle, shipped_classifier, write_bundle

FLATBUFFER = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def card_of_the_shipped() -> dict[str, Any]:
    with zipfile.ZipFile(shipped_classifier()) as archive:
        card: dict[str, Any] = json.loads(archive.read(CARD))
    card["input"]["size"] = 32
    card["golden"]["count"] = 1
    return card


def small_bundle() -> bytes:
    """A bundle of a few kilobytes, so that damage hits what matters."""
    import tempfile

    from hemato_edge.models.card import read_card

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "small.tflite"
        inputs = np.zeros((1, 32, 32, 3), np.uint8)
        card = read_card(json.dumps(card_of_the_shipped() | {"embedding": None, "caution": None}).encode())
        write_bundle(path, FLATBUFFER, card, inputs, {"logits": np.zeros((1, 8), np.float32)})
        return path.read_bytes()


SMALL = small_bundle()


def read(folder: Path, content: bytes) -> None:
    """A bundle, or a ModelError in one line that says what to do."""
    path = folder / "fuzzed.tflite"
    path.write_bytes(content)
    refused = None
    try:
        bundle = read_bundle(path)
    except ModelError as error:
        refused = error
    if refused is None:  # whatever is accepted is whole: its hashes are those of its card
        assert bundle.card.sha256[MODEL] == hashlib.sha256(bundle.flatbuffer).hexdigest()
        return
    assert refused.message
    assert refused.fix
    assert "\n" not in str(refused)


def bundle_of(card: bytes, labels: bytes, golden: bytes, flatbuffer: bytes = FLATBUFFER) -> bytes:
    out = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((LABELS, labels), (CARD, card), (GOLDEN, golden)):
            archive.writestr(name, content)
    return out.getvalue()


def with_right_hashes(card: dict[str, Any], labels: bytes, golden: bytes) -> bytes:
    """What somebody could make on purpose: the hashes fit, the content is odd."""
    parts = {MODEL: FLATBUFFER, LABELS: labels, GOLDEN: golden}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    return bundle_of(json.dumps(card | {"sha256": hashes}).encode(), labels, golden)


def golden_of(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


CARD_TREE = card_of_the_shipped()
GOOD_LABELS = "".join(f"{name}\n" for name in CARD_TREE["labels"]).encode()
GOOD_GOLDEN = golden_of(inputs=np.zeros((1, 32, 32, 3), np.uint8), logits=np.zeros((1, 8), np.float32))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(damaged(SMALL))
def test_a_damaged_bundle(folder: Path, content: bytes) -> None:
    read(folder, content)


@given(st.binary(max_size=2000))
def test_any_bytes(folder: Path, content: bytes) -> None:
    read(folder, content)


@given(st.binary(max_size=500), st.binary(max_size=100), st.binary(max_size=500))
def test_any_parts_in_a_good_archive(folder: Path, card: bytes, labels: bytes, golden: bytes) -> None:
    read(folder, bundle_of(card, labels, golden))


@given(damaged(GOOD_GOLDEN))
def test_damaged_golden_pairs_whose_hash_fits(folder: Path, golden: bytes) -> None:
    read(folder, with_right_hashes(CARD_TREE, GOOD_LABELS, golden))


@given(st.binary(max_size=200))
def test_any_labels_whose_hash_fits(folder: Path, labels: bytes) -> None:
    read(folder, with_right_hashes(CARD_TREE, labels, GOOD_GOLDEN))


@given(st.sampled_from(sorted(CARD_TREE)), JSON)
def test_any_value_in_a_card(folder: Path, key: str, value: Any) -> None:
    read(folder, with_right_hashes(CARD_TREE | {key: value}, GOOD_LABELS, GOOD_GOLDEN))


@given(damaged(json.dumps(CARD_TREE).encode()))
def test_a_damaged_card(folder: Path, card: bytes) -> None:
    read(folder, bundle_of(card, GOOD_LABELS, GOOD_GOLDEN))
