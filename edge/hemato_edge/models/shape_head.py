"""A head that names shapes of red cells from measured numbers: one JSON file with card, 8-bit weights, golden pairs.

No inference runtime is needed: it is one small matrix. The file is optional and does not ship in the package.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hemato_edge.errors import ModelError
from hemato_edge.models.card import Card, Text
from hemato_edge.models.trust import require_trust
from hemato_edge.output_files import write_aside

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CONTENT = "content"
"""Name in the card's hashes of all but the card."""
_LARGEST = 1 << 20
_REINSTALL = "Get the file again, or leave out red_cells.shapes: everything else works without it."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ShapeFigures(_Part):
    """How well one shape is told, on cells that were not learnt; at the card's threshold, percent."""

    cells: int = Field(ge=0, description="named cells that it was judged on")
    recall: float = Field(ge=0, le=100, description="of its cells in other fields of known slides, those named so")
    precision: float = Field(ge=0, le=100, description="of cells in other fields named so, those that are")
    recall_abroad: float = Field(ge=0, le=100, description="the same on slides of which no field was learnt")
    precision_abroad: float = Field(ge=0, le=100)
    healthy: float = Field(ge=0, le=100, description="of the named cells of healthy donors, those named so")
    reliable: bool = Field(description="whether a report tells it")


class ShapeCard(Card):
    """The card of a head for red-cell shapes."""

    task: Literal["red_cell_shapes"]
    features: tuple[Text, ...] = Field(min_length=2, description="numbers of a cell, in order")
    threshold: float = Field(gt=0, lt=1, description="below this confidence a cell has no name")
    shapes: dict[str, ShapeFigures]
    absent: tuple[Text, ...] = Field((), description="shapes that the training data do not hold, or hardly")


class _Weights(_Part):
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    clip: float = Field(gt=0)
    weights: tuple[tuple[int, ...], ...] = Field(description="a row for each label: -127 to 127")
    scale: tuple[float, ...] = Field(description="of each row")
    bias: tuple[float, ...]


class _Golden(_Part):
    inputs: tuple[tuple[float, ...], ...]
    logits: tuple[tuple[float, ...], ...]


class _File(_Part):
    card: ShapeCard
    head: _Weights
    golden: _Golden


@dataclass(frozen=True, slots=True)
class ShapeHead:
    """Numbers of a cell in, a logit for each label out.

    Attributes:
        card: of the file.
        sha256: of the whole file.
        mean, spread: (features,) float64, by which the numbers are made alike.
        clip: a number further from the mean than so many spreads counts as so far.
        weights: (labels, features) int8.
        scale, bias: (labels,) float64.
    """

    card: ShapeCard
    sha256: str
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    clip: float
    weights: NDArray[np.int8]
    scale: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, labels) of numbers (n, features)."""
        alike = np.clip((features - self.mean) / self.spread, -self.clip, self.clip)
        return np.asarray((alike @ self.weights.T.astype(np.float64)) * self.scale + self.bias, np.float64)

    def name(self, features: NDArray[np.float32]) -> NDArray[np.intp]:
        """(n,) index of the label of each cell, -1 below the card's threshold."""
        logits = self.logits(features)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
        sure = raised.max(axis=1, initial=0.0) >= self.card.threshold * raised.sum(axis=1)
        return np.where(sure, np.argmax(logits, axis=1), -1) if len(logits) else np.zeros(0, np.intp)


def write_shape_head(path: Path, card: ShapeCard, head: ShapeHead, golden: NDArray[np.float32]) -> None:
    """Write a head with its card, hash and golden pairs.

    Args:
        path: the file.
        card: its hashes are filled in.
        head: the weights.
        golden: (n, features), n as the card's golden count; the logits of these are stored.

    Raises:
        OutputError: it cannot be written.
    """
    inputs = np.asarray(golden, np.float32).round(5)
    weights = {
        "mean": head.mean.tolist(),
        "spread": head.spread.tolist(),
        "clip": head.clip,
        "weights": head.weights.tolist(),
        "scale": head.scale.tolist(),
        "bias": head.bias.tolist(),
    }
    pairs = {"inputs": inputs.tolist(), "logits": head.logits(inputs).round(6).tolist()}
    finished = card.model_copy(update={"sha256": {CONTENT: _hash(weights, pairs)}})
    document = {"card": json.loads(finished.model_dump_json()), "head": weights, "golden": pairs}
    write_aside(path, (json.dumps(document, ensure_ascii=False) + "\n").encode())


def read_shape_head(path: Path, trusted_keys: Path | None = None) -> ShapeHead:
    """Read a head and check it: card, hash, shapes, golden pairs.

    Args:
        path: the file.
        trusted_keys: a folder of public keys, one of which must have signed the file; None: none is required.

    Raises:
        ModelError: there is no such file, it is incomplete or was changed, it does not give its golden answers here, or
            it has no signature where one is required.
    """
    try:
        whole = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise ModelError(f"The red-cell shapes {path} cannot be read ({error.strerror}).", _REINSTALL) from error
    if trusted_keys is not None:
        require_trust(path, whole, trusted_keys)
    try:
        document = json.loads(whole)
        read = _File.model_validate(document)
        if read.card.sha256.get(CONTENT) != _hash(document["head"], document["golden"]):
            raise ModelError(f"{path} was changed after it was made.", _REINSTALL)
    except (ValidationError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} holds no head for red-cell shapes with a complete card.", _REINSTALL) from error
    head = ShapeHead(
        read.card,
        hashlib.sha256(whole).hexdigest(),
        np.array(read.head.mean, np.float64),
        np.array(read.head.spread, np.float64),
        read.head.clip,
        _int8(read.head.weights, path),
        np.array(read.head.scale, np.float64),
        np.array(read.head.bias, np.float64),
    )
    _check(head, read.golden, path)
    return head


def _int8(rows: tuple[tuple[int, ...], ...], path: Path) -> NDArray[np.int8]:
    try:
        return np.array(rows, np.int8)
    except (ValueError, OverflowError) as error:
        raise ModelError(f"The weights in {path} are no matrix of 8-bit numbers.", _REINSTALL) from error


def _check(head: ShapeHead, golden: _Golden, path: Path) -> None:
    """Raises ModelError unless all shapes agree and the golden pairs come out."""
    card = head.card
    labels, features = len(card.labels), len(card.features)
    shapes = (head.weights.shape, head.mean.shape, head.spread.shape, head.scale.shape, head.bias.shape)
    if shapes != ((labels, features), (features,), (features,), (labels,), (labels,)) or not (head.spread > 0).all():
        raise ModelError(f"The weights in {path} are not those of its card.", _REINSTALL)
    inputs, expected = np.array(golden.inputs, np.float32), np.array(golden.logits)
    if inputs.shape != (card.golden.count, features) or expected.shape != (card.golden.count, labels):
        raise ModelError(f"The golden pairs in {path} are not those of its card.", _REINSTALL)
    difference = float(np.abs(head.logits(inputs) - expected).max())
    if not difference <= card.golden.tolerance:
        raise ModelError(f"The golden check of {path.name} failed: a logit differs by {difference:.3g}.", _REINSTALL)


def _hash(weights: object, pairs: object) -> str:
    return hashlib.sha256(json.dumps([weights, pairs], sort_keys=True).encode()).hexdigest()
