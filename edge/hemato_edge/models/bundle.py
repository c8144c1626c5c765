"""One file that is both a TFLite model and its own card.

Layout: the flatbuffer, then a zip archive with `labels.txt`, `card.json`, `golden.npz` and, for a classifier with an
embedding, `prototypes.npz` (the standard way to attach files to TFLite models: an interpreter reads the front,
`unzip -l` the back), plus any parts that the card lists for other runtimes. The card has a SHA-256 of every other part,
so a file that was truncated, edited or mixed up is refused before it is used.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from hemato_edge.errors import ModelError
from hemato_edge.models.card import ClassifierCard, read_card
from hemato_edge.models.prototypes import Prototypes, unpack_prototypes
from hemato_edge.models.trust import require_trust
from hemato_edge.output_files import check_replaceable, write_aside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_edge.models.card import AnyCard, Artefact, Card

MODEL, LABELS, CARD, GOLDEN, PROTOTYPES = "model", "labels.txt", "card.json", "golden.npz", "prototypes.npz"
SHIPPED = Path(__file__).parent / "shipped"
SUMS = "SHA256SUMS"
"""Hashes of the whole files in `SHIPPED`, as `sha256sum *.tflite > SHA256SUMS` writes them there."""
_BEGINNING = b"\x1c\0\0\0TFL3"
"""Of a TFLite flatbuffer."""
_SAME_BYTES_EVERY_TIME = (1980, 1, 1, 0, 0, 0)
_LARGEST = 256 << 20
"""Maximum bytes of a model file, and of its unpacked archive: more than any network for such a device has."""
_LARGEST_TEXT = 4 << 20
"""Maximum bytes of a card or of labels, unpacked: the shipped cards have 20 kB."""
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    OSError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)
"""Everything that zipfile raises on an archive that is truncated, damaged or encrypted."""
_REINSTALL = "Get the file again, or leave out --model to use the one that ships with hemato-edge."


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model file with a complete card and parts that match the card's hashes.

    Attributes:
        path: the file.
        flatbuffer: the TFLite model.
        card: the model's card.
        golden_inputs: (n, H, W, 3) uint8, in the card's channel order.
        golden_outputs: output of the converter's runtime: "logits" (n, len(labels)) float32 of a classifier;
            "heat" and "boxes" (n, h, w, …) int8 of a locator, as stored in the graph.
        sha256: of the whole file; recorded with every session.
        prototypes: embeddings of in-distribution cells, if the card has an embedding; else None.
    """

    path: Path
    flatbuffer: bytes
    card: AnyCard
    golden_inputs: NDArray[np.uint8]
    golden_outputs: dict[str, NDArray[Any]]
    sha256: str
    prototypes: Prototypes | None = None

    def artefact_for(self, runtime: str) -> Artefact | None:
        """The part compiled for a runtime; None if there is none."""
        return next((one for one in self.card.artefacts if one.runtime == runtime), None)

    def part(self, name: str) -> bytes:
        """A compiled part, read from the file again. Raises ModelError unless it has the hash in the card."""
        content = _unzip(self.path, _read(self.path), (name,))[0][name]
        _check_hash(self.path, self.card, name, content)
        return content


def shipped_classifier() -> Path:
    """Path of the classifier in this package."""
    return SHIPPED / "classifier.tflite"


def shipped_locator() -> Path:
    """Path of the locator in this package."""
    return SHIPPED / "locator.tflite"


def shipped_models() -> list[Path]:
    """Paths of all models in this package."""
    return sorted(SHIPPED.glob("*.tflite"))


def write_bundle(
    path: Path,
    flatbuffer: bytes,
    card: AnyCard,
    golden_inputs: NDArray[np.uint8],
    golden_outputs: Mapping[str, NDArray[Any]],
    compiled: Mapping[str, bytes] | None = None,
    prototypes: bytes | None = None,
) -> None:
    """Write model, labels, card, golden pairs, prototypes and compiled parts, filling in the card's hashes.

    Args:
        path: the file.
        flatbuffer: the TFLite model.
        card: of the model.
        golden_inputs: see `Bundle`.
        golden_outputs: see `Bundle`.
        compiled: content of each artefact of the card, by the name of its part.
        prototypes: from `prototypes.pack_prototypes`, for a card with an embedding.

    Raises:
        ModelError: the golden pairs, prototypes or compiled parts do not match the card.
    """
    compiled = compiled or {}
    if set(compiled) != {one.part for one in card.artefacts}:
        raise ModelError(f"The compiled parts for {path} are not those of its card: {', '.join(compiled) or 'none'}.")
    _check_golden(card, golden_inputs, golden_outputs, path)
    _prototypes(card, prototypes, path)
    golden = io.BytesIO()
    np.savez_compressed(golden, inputs=golden_inputs, **golden_outputs)
    labels = "".join(f"{name}\n" for name in card.labels).encode()
    hashes = {MODEL: _sha256(flatbuffer), LABELS: _sha256(labels), GOLDEN: _sha256(golden.getvalue())}
    hashes |= {name: _sha256(content) for name, content in compiled.items()}
    if prototypes is not None:
        hashes[PROTOTYPES] = _sha256(prototypes)
    finished = card.model_copy(update={"sha256": hashes})
    whole = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (LABELS, labels),
            (CARD, finished.model_dump_json(indent=1).encode()),
            (GOLDEN, golden.getvalue()),
            *([(PROTOTYPES, prototypes)] if prototypes is not None else []),
            *compiled.items(),
        ):
            archive.writestr(zipfile.ZipInfo(name, _SAME_BYTES_EVERY_TIME), content, zipfile.ZIP_DEFLATED)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_aside(path, whole.getvalue())


def check_bundle_path(path: Path) -> None:
    """Refuse a path that no bundle is written to: of another suffix, or where somebody else's file lies.

    Raises:
        ModelError: its suffix is another one.
        OutputError: what lies there is no bundle.
    """
    if path.suffix != ".tflite":
        raise ModelError(f"A bundle's name ends in .tflite, not {path.name!r}.", "Change --out.")
    check_replaceable(path, _BEGINNING)


def read_bundle(path: Path, trusted_keys: Path | None = None) -> Bundle:
    """Read a model file and check its card and hashes.

    Args:
        path: the file.
        trusted_keys: a folder of public keys, one of which must have signed the file, unless it ships with this
            package; None: no signature is required.

    Raises:
        ModelError: there is no such file, no card, an incomplete card, a part with another hash, or no signature by a
            trusted key where one is required.
    """
    whole = _read(path)
    sha256 = _sha256(whole)
    _check_shipped(path, sha256)
    if trusted_keys is not None and path.parent != SHIPPED:
        require_trust(path, whole, trusted_keys)
    parts, model_end = _unzip(path, whole, (LABELS, CARD, GOLDEN))
    try:
        card = read_card(parts[CARD])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"]) or "card"
        reason = " ".join(f"{where}: {first['msg']}".split())[:200]
        raise ModelError(f"The card of {path} is not complete ({reason}).", _REINSTALL) from error
    flatbuffer = whole[:model_end]
    compiled = _unzip(path, whole, tuple(one.part for one in card.artefacts))[0] if card.artefacts else {}
    embedded = _unzip(path, whole, (PROTOTYPES,))[0] if isinstance(card, ClassifierCard) and card.embedding else {}
    given = {MODEL: flatbuffer, LABELS: parts[LABELS], GOLDEN: parts[GOLDEN], **compiled, **embedded}
    for name, content in given.items():
        _check_hash(path, card, name, content)
    if tuple(parts[LABELS].decode(errors="replace").split()) != card.labels:
        raise ModelError(f"The labels in {path} are not those of its card.", _REINSTALL)
    inputs, outputs = _golden(path, parts[GOLDEN])
    _check_golden(card, inputs, outputs, path)
    prototypes = _prototypes(card, embedded.get(PROTOTYPES), path)
    return Bundle(path, flatbuffer, card, inputs, outputs, sha256, prototypes)


def _check_shipped(path: Path, sha256: str) -> None:
    """Refuse a model of this package that differs from the released one."""
    if path.parent != SHIPPED:
        return
    listed = (SHIPPED / SUMS).read_text(encoding="ascii").split("\n")
    if f"{sha256}  {path.name}" not in listed:
        raise ModelError(
            f"{path} is not the model that came with this version: it was changed afterwards.",
            "Install hemato-edge again.",
        )


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size > _LARGEST:
            raise ModelError(
                f"The model {path} has {status.st_size >> 20} MB; the most is {_LARGEST >> 20}.", _REINSTALL
            )
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise ModelError(f"{path} is no file.", _REINSTALL)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"There is no model at {path}.", _REINSTALL) from error
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read ({error.strerror}).", _REINSTALL) from error


def _unzip(path: Path, whole: bytes, wanted: tuple[str, ...]) -> tuple[dict[str, bytes], int]:
    """The archive's parts of these names, and the length of the flatbuffer before it."""
    try:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) != len(archive.infolist()):
                raise ModelError(f"{path} holds two parts of one name.", _REINSTALL)
            missing = set(wanted) - entries.keys()
            if missing:
                raise ModelError(f"{path} has no {', '.join(sorted(missing))}.", _REINSTALL)
            if sum(entry.file_size for entry in entries.values()) > _LARGEST:
                raise ModelError(f"{path} would unpack to more than {_LARGEST >> 20} MB.", _REINSTALL)
            if any(entries[name].file_size > _LARGEST_TEXT for name in {LABELS, CARD} & entries.keys()):
                raise ModelError(f"The card of {path} would unpack to more than a card can have.", _REINSTALL)
            parts = {name: archive.read(name) for name in wanted}
            return parts, min(entry.header_offset for entry in entries.values())
    except _ARCHIVE_ERRORS as error:
        raise ModelError(
            f"{path} has no card, so its labels are unknown.",
            "Convert it with `hemato-edge convert`, or leave out --model to use the one that ships.",
        ) from error


def _prototypes(card: AnyCard, content: bytes | None, path: Path) -> Prototypes | None:
    """Embeddings of in-distribution cells; present if and only if the card has an embedding."""
    embedding = card.embedding if isinstance(card, ClassifierCard) else None
    if embedding is None or content is None:
        if embedding is not None or content is not None:
            what = "no prototypes" if content is None else "prototypes"
            raise ModelError(f"{path} has {what}, contrary to its card.", _REINSTALL)
        return None
    try:
        return unpack_prototypes(content, len(card.labels), embedding.size)
    except Exception as error:  # numpy parses headers as Python and raises whatever damage leads to
        raise ModelError(f"The prototypes in {path} cannot be used: {error}.", _REINSTALL) from error


def _golden(path: Path, content: bytes) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """The golden inputs, and the outputs by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise ModelError(f"The golden pairs in {path} would unpack to too much.", _REINSTALL)
        with np.load(io.BytesIO(content), allow_pickle=False) as golden:
            arrays = {name: np.asarray(golden[name]) for name in golden.files}
        return arrays.pop("inputs"), arrays
    except ModelError:
        raise
    except Exception as error:  # numpy parses headers as Python and raises whatever damage leads to
        raise ModelError(f"The golden pairs in {path} cannot be read.", _REINSTALL) from error


def _check_golden(card: AnyCard, inputs: NDArray[np.uint8], outputs: Mapping[str, NDArray[Any]], path: Path) -> None:
    n = card.golden.count
    expected = _golden_shapes(card)
    given = {"inputs": inputs, **outputs}
    numbers = all(array.dtype.kind in "fi" and len(array) == n for array in outputs.values())
    shapes_fit = all(name in given and given[name].shape == shape for name, shape in expected.items())
    if inputs.dtype != np.uint8 or not numbers or not shapes_fit:
        shapes = ", ".join(f"{name} {array.shape} {array.dtype}" for name, array in given.items())
        wanted = ", ".join(f"{name} {shape}" for name, shape in expected.items())
        raise ModelError(f"The {n} golden pairs of {path} have {shapes}, not {wanted}.", _REINSTALL)


def _golden_shapes(card: AnyCard) -> dict[str, tuple[int, ...]]:
    n, labels = card.golden.count, len(card.labels)
    if isinstance(card, ClassifierCard):
        return {"inputs": (n, card.input.size, card.input.size, 3), "logits": (n, labels)}
    rows, columns = card.input.height // card.input.stride, card.input.width // card.input.stride
    return {
        "inputs": (n, card.input.height, card.input.width, 3),
        "heat": (n, rows, columns, labels),
        "boxes": (n, rows, columns, 4 * labels),
    }


def _check_hash(path: Path, card: Card, name: str, content: bytes) -> None:
    if card.sha256.get(name) != _sha256(content):
        raise ModelError(f"The {name} in {path} does not have the hash its card names.", _REINSTALL)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def card_as_json(card: Card) -> dict[str, object]:
    """The card as plain JSON values."""
    return dict(json.loads(card.model_dump_json()))
