"""Ed25519 keys (RFC 8032) in files: a private one signs, the public ones in a folder are trusted."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from hemato_edge.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LARGEST = 16_384
"""Maximum bytes of a key or a signature file."""
_MAKE_ONE = "Make a pair with `hemato-edge model key FILE`: FILE signs, FILE.pub is given away."


def make_signing_key(file: Path) -> str:
    """Write a new private key, readable by its owner only, and the public key `FILE.pub`; returns the key's name.

    Raises:
        ModelError: one of the files exists, or cannot be written.
        MissingExtraError: cryptography is not installed.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives import serialization as form

    key: Ed25519PrivateKey = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    _write_new(file, private, 0o600)
    _write_new(file.with_name(file.name + ".pub"), public, 0o644)
    return name_of(key.public_key())


def signature_of(message: bytes, key_file: Path) -> tuple[str, bytes]:
    """The key's name, and its signature of a message.

    Raises:
        ModelError: the key cannot be read.
        MissingExtraError: cryptography is not installed.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(read_small(key_file), None)
    except (ValueError, TypeError) as error:  # damaged, of another kind, or with a password
        raise ModelError(f"{key_file} is no private key without a password ({error}).", _MAKE_ONE) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ModelError(f"{key_file} is no Ed25519 key.", _MAKE_ONE)
    return name_of(key.public_key()), key.sign(message)


def signer_of(message: bytes, signature: bytes, folder: Path) -> str | None:
    """Name of the trusted key that made a signature of a message; None where none did.

    Args:
        message: that was signed.
        signature: 64 bytes.
        folder: of trusted public keys, `*.pub`.

    Raises:
        ModelError: a file of the folder is no key.
        MissingExtraError: cryptography is not installed, so nothing can be verified.
    """
    _ed25519()
    from cryptography.exceptions import InvalidSignature

    for file in sorted(folder.glob("*.pub")):
        key = _public(file, read_small(file))
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return name_of(key)
    return None


def trust(public_key: Path, folder: Path) -> tuple[str, Path]:
    """Copy a public key into the folder of trusted keys; returns its name and the new file.

    Raises:
        ModelError: it is no public key, or the folder cannot be written.
        MissingExtraError: cryptography is not installed.
    """
    content = read_small(public_key)
    name = name_of(_public(public_key, content))
    target = folder / f"{name}.pub"
    if not target.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder} cannot be made ({error.strerror}).", "Check model.trusted_keys.") from error
        _write_new(target, content, 0o644)
    return name, target


def name_of(key: Ed25519PublicKey) -> str:
    """Identifier of a public key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _public(file: Path, content: bytes) -> Ed25519PublicKey:
    kind: type[Ed25519PublicKey] = _ed25519().Ed25519PublicKey
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ModelError(f"{file} is no public key.", _MAKE_ONE) from error
    if not isinstance(key, kind):
        raise ModelError(f"{file} is no Ed25519 key.", _MAKE_ONE)
    return key


def _ed25519() -> ModuleType:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingExtraError(
            "Signatures need cryptography, which is not installed.",
            "Type `pip install 'hemato-edge[sign]'`.",
        ) from error
    return ed25519


def read_small(file: Path) -> bytes:
    """The content of a key or signature file, at most `LARGEST` bytes.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(opened, LARGEST)
        finally:
            os.close(opened)
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error.strerror}).", "Check the path.") from error


def _write_new(file: Path, content: bytes, mode: int) -> None:
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(opened, "wb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise ModelError(f"{file} is there already; it was left as it is.", "Name another file.") from error
    except OSError as error:
        raise ModelError(f"{file} cannot be written ({error.strerror}).", "Check the folder.") from error
