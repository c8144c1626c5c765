"""The head for red-cell shapes: written, read back, and refused where it is not what it was."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from hemato_edge.errors import ModelError
from hemato_edge.models.card import DataSource, Golden
from hemato_edge.models.shape_head import ShapeCard, ShapeFigures, ShapeHead, read_shape_head, write_shape_head

LABELS, FEATURES = ("normal", "ovalocyte", "target_cell"), ("size", "length", "middle", "rim")
RNG = np.random.default_rng(1)
INPUTS = RNG.normal(size=(4, 4)).astype(np.float32)


def made(path: Path, threshold: float = 0.6) -> ShapeHead:
    figures = ShapeFigures(
        cells=9, recall=80, precision=70, recall_abroad=60, precision_abroad=50, healthy=1, reliable=True
    )
    card = ShapeCard(
        name="shapes",
        task="red_cell_shapes",
        architecture="linear",
        labels=LABELS,
        features=FEATURES,
        threshold=threshold,
        shapes={"ovalocyte": figures},
        training=(DataSource(name="A", licence="MIT", split_sha256="0" * 64, train=9, val=0),),
        training_arguments={},
        golden=Golden(count=4, tolerance=0.001),
        versions={},
        created=datetime(2026, 1, 1, tzinfo=timezone.utc),
        licence="MIT",
        attribution="A",
    )
    weights = RNG.integers(-127, 128, (3, 4)).astype(np.int8)
    head = ShapeHead(card, "", np.zeros(4), np.ones(4), 4.0, weights, np.full(3, 0.05), np.zeros(3))
    write_shape_head(path, card, head, INPUTS)
    return head


def test_what_is_read_answers_as_what_was_written(tmp_path: Path) -> None:
    head = made(tmp_path / "head.json")
    read = read_shape_head(tmp_path / "head.json")
    assert np.allclose(read.logits(INPUTS), head.logits(INPUTS))
    assert read.name(INPUTS).tolist() == head.name(INPUTS).tolist()
    assert len(read.sha256) == 64
    assert read.name(INPUTS[:0]).shape == (0,)


def test_a_doubtful_cell_has_no_name(tmp_path: Path) -> None:
    made(tmp_path / "sure.json", 0.999)
    head = read_shape_head(tmp_path / "sure.json")
    assert head.name(np.zeros((2, 4), np.float32)).tolist() == [-1, -1]
    strong = 10 * np.sign(head.weights[1]).astype(np.float32)[None]
    assert head.name(strong).tolist() == [int(np.argmax(head.logits(strong)))]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["head"]["weights"][0].__setitem__(0, 3 - d["head"]["weights"][0][0]),
        lambda d: d["golden"]["logits"][0].__setitem__(0, 99.0),
        lambda d: d["card"].pop("threshold"),
        lambda d: d.pop("golden"),
        lambda d: d["head"]["scale"].append(1.0),
        lambda d: d["card"].__setitem__("format", 99),
    ],
)
def test_a_changed_file_is_refused(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "head.json"
    made(path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError) as caught:
        read_shape_head(path)
    assert caught.value.fix


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x00" * 40, b"[" * 100_000])
def test_what_is_no_head_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "head.json"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        read_shape_head(path)
    with pytest.raises(ModelError):
        read_shape_head(tmp_path / "missing.json")


def test_without_a_trusted_signature_it_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    made(tmp_path / "head.json")
    (tmp_path / "keys").mkdir()
    with pytest.raises(ModelError):
        read_shape_head(tmp_path / "head.json", tmp_path / "keys")
