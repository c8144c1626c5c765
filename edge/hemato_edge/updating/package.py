"""The file of an update: a zip archive of wheels and models, a list of their hashes, and a signature of the list.

Nothing of it is unpacked or run before a trusted key has signed the list, and no byte is used that is not in the list.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ModelError, UpdateError
from hemato_edge.models.keys import signature_of, signer_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
PURPOSE = b"hemato-edge update signature 1\n"
"""Prefix of the signed message: a signature of a model is none of an update."""
FORMAT = 1
_LARGEST_TEXT = 1 << 20
_LARGEST = 2 << 30
"""Maximum bytes of all files: wheels of this program and of all that it needs have 600 MB."""
_WHEEL = re.compile(r"wheels/[A-Za-z0-9_.]+-[A-Za-z0-9_.!+]+(?:-[A-Za-z0-9_.]+){3,4}\.whl")
_MODEL = re.compile(r"models/(?:classifier|locator)\.tflite")
_VERSION = re.compile(r"(\d+(?:\.\d+)*)(?:\.?(dev|a|b|rc|post)(\d*))?")
_STAGES = ("dev", "a", "b", "rc", "", "post")
_UNREADABLE = (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for a member that is missing, damaged, cut off, encrypted or packed in an unknown way."""
_CHUNK = 1 << 20
_AGAIN = "Get the file again from whom you trust."


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an update: its name in the archive, its bytes and their SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Update:
    """A file whose list a trusted key has signed.

    Attributes:
        path: of it.
        version: of the program in it.
        note: what its maker says about it.
        key: name of the key that signed it.
        parts: all files.
        release: its name: the version and the list's hash.
    """

    path: Path
    version: str
    note: str
    key: str
    parts: tuple[Part, ...]
    release: str

    @property
    def wheels(self) -> tuple[Part, ...]:
        """The wheels: of this program, and of what it needs."""
        return tuple(part for part in self.parts if part.name.endswith(".whl"))

    @property
    def models(self) -> tuple[Part, ...]:
        """The models, which take the place of those in the wheel."""
        return tuple(part for part in self.parts if part.name.endswith(".tflite"))


def write_package(path: Path, files: Mapping[str, Path], version: str, note: str, key_file: Path) -> str:
    """Make an update; returns the name of the key that signed it.

    Args:
        path: of the new file.
        files: name in the archive ("wheels/…", "models/classifier.tflite") → where it lies.
        version: of the program's wheel.
        note: for people.
        key_file: a private key, see `hemato-edge model key`.

    Raises:
        ModelError: the key cannot be read.
        UpdateError: a name is none of an update.
        OutputError: the file cannot be written.
    """
    from hemato_edge.output_files import written_aside

    _check_names(list(files))
    parts = [{"name": name, "size": file.stat().st_size, "sha256": _hash(file)} for name, file in files.items()]
    manifest = json.dumps({"format": FORMAT, "version": version, "note": note, "parts": parts}, indent=1).encode()
    key, signature = signature_of(PURPOSE + manifest, key_file)
    signed = json.dumps({"key": key, "signature": signature.hex()}).encode()
    with written_aside(path, files.values()) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, manifest)
        archive.writestr(SIGNATURE, signed)
        for name, file in files.items():
            archive.write(file, name)
    return key


def read_package(path: Path, trusted: Path) -> Update:
    """The signed list of an update; its files are not read yet.

    Args:
        path: of the file.
        trusted: folder of public keys.

    Raises:
        UpdateError: it is no update, or of a later format; no trusted key has signed it.
        MissingExtraError: cryptography is not installed.
    """
    with _opened(path) as archive:
        manifest, signed = (_text(archive, name, path) for name in (MANIFEST, SIGNATURE))
    try:
        signature = bytes.fromhex(json.loads(signed)["signature"])
        key = signer_of(PURPOSE + manifest, signature, trusted)
    except (ValueError, LookupError, TypeError) as error:
        raise UpdateError(f"The signature of {path} is damaged.", _AGAIN) from error
    except ModelError as error:
        raise UpdateError(error.message, error.fix) from error
    if key is None:
        raise UpdateError(
            f"No trusted key has signed {path} as it is now.",
            "Get it again, or trust its maker's key (`hemato-edge model trust KEY.pub`).",
        )
    said = json.loads(manifest)
    if said.get("format") != FORMAT:
        raise UpdateError(f"{path} is of a later format ({said.get('format')}).", "Update to a version between first.")
    parts = tuple(Part(str(one["name"]), int(one["size"]), str(one["sha256"])) for one in said["parts"])
    _check_names([part.name for part in parts])
    if sum(part.size for part in parts) > _LARGEST:
        raise UpdateError(f"{path} is too large.", "An update has wheels and models alone.")
    version = str(said["version"])
    order_of(version)
    release = f"{version}-{hashlib.sha256(manifest).hexdigest()[:12]}"
    return Update(path, version, str(said["note"]), key, parts, release)


def unpack(update: Update, folder: Path) -> None:
    """Write the files of an update into a folder, each by its own name without the archive's folders.

    Raises:
        UpdateError: a file is missing, or is not the one that was signed.
        OSError: they cannot be written.
    """
    with _opened(update.path) as archive:
        for part in update.parts:
            digest, left = hashlib.sha256(), part.size
            try:
                with archive.open(part.name) as source, (folder / part.name.rpartition("/")[2]).open("wb") as target:
                    while piece := source.read(min(_CHUNK, left + 1)):
                        left -= len(piece)
                        digest.update(piece)
                        target.write(piece)
                        if left < 0:
                            break
            except _UNREADABLE as error:
                raise UpdateError(f"{part.name} in {update.path} is missing or damaged.", _AGAIN) from error
            if left or digest.hexdigest() != part.sha256:
                raise UpdateError(f"{part.name} in {update.path} is not what was signed.", _AGAIN)


def order_of(version: str) -> tuple[tuple[int, ...], int, int]:
    """What versions are compared by (PEP 440, without epochs and local parts).

    Raises:
        UpdateError: it is no version.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UpdateError(f"{version!r} is no version that can be compared.", "Versions are such as 0.3.0 or 0.3.0rc1.")
    numbers = tuple(int(part) for part in match[1].split("."))
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers, _STAGES.index(match[2] or ""), int(match[3] or 0)


def _check_names(names: Sequence[str]) -> None:
    wrong = [name for name in names if not (_WHEEL.fullmatch(name) or _MODEL.fullmatch(name))]
    if wrong:
        raise UpdateError(f"{wrong[0]} is no file of an update.", "It has wheels, and models named by their task.")
    if len({*names}) < len(names) or sum(name.startswith("wheels/hemato_edge-") for name in names) != 1:
        raise UpdateError("An update has one wheel of hemato-edge, and each file once.", _AGAIN)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise UpdateError(f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    except zipfile.BadZipFile as error:
        raise UpdateError(f"{path} is no update, or was cut off.", _AGAIN) from error


def _text(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        if archive.getinfo(name).file_size > _LARGEST_TEXT:
            raise UpdateError(f"{name} in {path} is too large.", _AGAIN)
        with archive.open(name) as source:
            return source.read(_LARGEST_TEXT)
    except _UNREADABLE as error:
        raise UpdateError(f"{path} has no {name}, so it is no update.", _AGAIN) from error


def _hash(file: Path) -> str:
    digest: Any = hashlib.sha256()
    with file.open("rb") as source:
        while piece := source.read(_CHUNK):
            digest.update(piece)
    return str(digest.hexdigest())
