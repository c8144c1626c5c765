"""The bundle format: what was written comes back, and whatever was cut, edited or left out is refused."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import CARD, GOLDEN, LABELS, read_bundle, write_bundle
from hemato_edge.models.card import EmbeddingSpec, read_card
from hemato_edge.models.prototypes import pack_prototypes

FLATBUFFER = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 8


@pytest.fixture
def bundle_file(tmp_path: Path, make_card) -> Path:
    path = tmp_path / "model.tflite"
    inputs = np.arange(2 * 64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 64, 64, 3)
    write_bundle(path, FLATBUFFER, make_card(), inputs, {"logits": np.ones((2, 8), np.float32)})
    return path


def rezip(path: Path, **changes: bytes | None) -> None:
    """Write the archive behind the flatbuffer anew, with parts replaced or (None) left out."""
    whole = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts: dict[str, bytes | None] = {name: archive.read(name) for name in (LABELS, CARD, GOLDEN)}
    names = {"labels": LABELS, "card": CARD, "golden": GOLDEN}
    parts.update({names[key]: content for key, content in changes.items()})
    out = io.BytesIO(FLATBUFFER)
    with zipfile.ZipFile(out, "a") as archive:
        for name, content in parts.items():
            if content is not None:
                archive.writestr(name, content)
    path.write_bytes(out.getvalue())


def test_what_was_written_comes_back(bundle_file: Path, make_card) -> None:
    bundle = read_bundle(bundle_file)
    assert bundle.flatbuffer == FLATBUFFER
    assert bundle.card.model_copy(update={"sha256": {}}) == make_card()
    assert bundle.golden_inputs.shape == (2, 64, 64, 3)
    assert np.array_equal(bundle.golden_outputs["logits"], np.ones((2, 8)))


def test_a_card_may_tell_how_it_did_in_laboratories_that_were_left_out(make_card) -> None:
    answers = ((5, *(0,) * 7, 2), *((0,) * 9,) * 7)
    card = make_card(abroad={"elsewhere": answers})
    assert read_card(card.model_dump_json().encode()).abroad == {"elsewhere": answers}
    assert make_card().abroad == {}


def test_the_same_model_gives_the_same_bytes(bundle_file: Path, make_card) -> None:
    first = bundle_file.read_bytes()
    bundle = read_bundle(bundle_file)
    write_bundle(bundle_file, FLATBUFFER, make_card(), bundle.golden_inputs, bundle.golden_outputs)
    assert bundle_file.read_bytes() == first


def test_unzip_lists_the_card(bundle_file: Path) -> None:
    with zipfile.ZipFile(bundle_file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [LABELS, CARD, GOLDEN]
        assert archive.read(LABELS).decode().splitlines()[0] == "neutrophil"


@pytest.mark.parametrize("position", [0, 8, len(FLATBUFFER) - 1])
def test_a_changed_byte_of_the_model_is_refused(bundle_file: Path, position: int) -> None:
    content = bytearray(bundle_file.read_bytes())
    content[position] ^= 1
    bundle_file.write_bytes(content)
    with pytest.raises(ModelError, match="hash"):
        read_bundle(bundle_file)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(bundle_file: Path, share: float) -> None:
    content = bundle_file.read_bytes()
    bundle_file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError):
        read_bundle(bundle_file)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"card": None}, "has no card.json"),
        ({"labels": None}, "has no labels.txt"),
        ({"card": b"{}"}, "not complete"),
        ({"card": b"not json"}, "not complete"),
        ({"labels": b"neutrophil\n"}, "hash"),
        ({"golden": b""}, "hash"),
    ],
)
def test_an_incomplete_archive_is_refused(bundle_file: Path, changes: dict[str, bytes | None], said: str) -> None:
    rezip(bundle_file, **changes)
    with pytest.raises(ModelError, match=said):
        read_bundle(bundle_file)


def test_a_plain_tflite_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(FLATBUFFER)
    with pytest.raises(ModelError, match="has no card") as caught:
        read_bundle(path)
    assert "hemato-edge convert" in caught.value.fix


def test_no_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        read_bundle(tmp_path / "missing.tflite")
    with pytest.raises(ModelError, match="cannot be read"):
        read_bundle(tmp_path)


def test_golden_pairs_must_fit_the_card(tmp_path: Path, make_card) -> None:
    with pytest.raises(ModelError, match="golden pairs"):
        write_bundle(
            tmp_path / "m.tflite",
            FLATBUFFER,
            make_card(),
            np.zeros((1, 64, 64, 3), np.uint8),
            {"logits": np.zeros((1, 8))},
        )


def test_prototypes_come_back_and_belong_to_the_card(tmp_path: Path, make_card) -> None:
    path, inputs = tmp_path / "model.tflite", np.zeros((2, 64, 64, 3), np.uint8)
    golden = {"logits": np.ones((2, 8), np.float32)}
    stored = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)
    packed = pack_prototypes(stored, 0.5, -2, np.array([0, 7, 0]), np.array(["a", "b", "a"]))
    card = make_card(embedding=EmbeddingSpec(size=4, prototypes=3, home_distance=2.0))
    write_bundle(path, FLATBUFFER, card, inputs, golden, prototypes=packed)
    home = read_bundle(path).prototypes
    assert home is not None
    assert np.array_equal(home.embeddings, (stored + 2.0) * 0.5)
    assert (home.labels.tolist(), home.laboratories.tolist()) == ([0, 7, 0], ["a", "b", "a"])
    middle = home.embeddings[[0, 2]].mean(axis=0)
    assert home.distances(middle[None] + [3, 0, 0, 4])[0] == pytest.approx(5)
    for other, parts in ((make_card(), packed), (card, None), (card, b"damaged"), (card, packed[:-30])):
        with pytest.raises(ModelError, match="prototypes"):
            write_bundle(path, FLATBUFFER, other, inputs, golden, prototypes=parts)
    beyond = pack_prototypes(stored, 0.5, -2, np.array([0, 8, 0]), np.array(["a", "b", "a"]))
    with pytest.raises(ModelError, match="labels are not those of the card"):
        write_bundle(path, FLATBUFFER, card, inputs, golden, prototypes=beyond)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ("a", "a")},
        {"labels": ("a", "b")},
        {"format": 99},
        {"temperature": 0},
        {"unknown": 1},
        {"embedding": {"size": 8, "prototypes": 1, "home_distance": 1.0}},  # as long as the logits
        {"abroad": {"elsewhere": ((1,) * 8,) * 8}},  # no column of unclassified cells
        {"abroad": {"elsewhere": ((-1,) + (1,) * 8,) * 8}},
    ],
)
def test_a_card_that_contradicts_itself_is_refused(make_card, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        make_card(**change)


def test_unzip_the_program_reads_it_too(bundle_file: Path) -> None:
    try:
        listing = subprocess.run(["unzip", "-l", bundle_file], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("unzip is not installed")
    assert CARD in listing
