"""Signed models: who made a bundle, proved by an Ed25519 signature (RFC 8032) beside it.

Hashes and golden pairs show that a file is complete, not who made it. A signature covers the SHA-256 of the whole file
and is stored in `FILE.sig`; trusted keys are a folder of public keys. The bundles that ship with the program need none:
their hashes are in the package.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from hemato_edge.errors import MissingExtraError, ModelError
from hemato_edge.output_files import write_aside

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_PURPOSE = b"hemato-edge model signature 1\n"
"""Prefix of the signed message, so that a signature made for another purpose is invalid."""
_LARGEST = 16_384
"""Maximum bytes of a key or a signature file."""
_MAKE_ONE = "Make a pair with `hemato-edge model key FILE`: FILE signs, FILE.pub is given away."


def signature_path(bundle: Path) -> Path:
    """Path of a bundle's signature."""
    return bundle.with_name(bundle.name + ".sig")


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


def sign(bundle: Path, key_file: Path) -> str:
    """Sign a bundle with a private key, replacing an earlier signature; returns the key's name.

    Raises:
        ModelError: the key or the bundle cannot be read.
        OutputError: the signature cannot be written.
        MissingExtraError: cryptography is not installed.
    """
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read(key_file)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError) as error:  # damaged, of another kind, or with a password
        raise ModelError(f"{key_file} is no private key without a password ({error}).", _MAKE_ONE) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ModelError(f"{key_file} is no Ed25519 key.", _MAKE_ONE)
    try:
        sha256 = hashlib.sha256(bundle.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{bundle} cannot be read ({error.strerror}).", "Check the path.") from error
    name = name_of(key.public_key())
    said = {"format": 1, "file_sha256": sha256, "key": name, "signature": key.sign(_message(sha256)).hex()}
    write_aside(signature_path(bundle), (json.dumps(said, indent=1) + "\n").encode())
    return name


def trust(public_key: Path, folder: Path) -> tuple[str, Path]:
    """Copy a public key into the folder of trusted keys; returns its name and the new file.

    Raises:
        ModelError: it is no public key, or the folder cannot be written.
        MissingExtraError: cryptography is not installed.
    """
    content = _read(public_key)
    name = name_of(_public(public_key, content))
    target = folder / f"{name}.pub"
    if not target.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder} cannot be made ({error.strerror}).", "Check model.trusted_keys.") from error
        _write_new(target, content, 0o644)
    return name, target


def require_trust(bundle: Path, whole: bytes, folder: Path) -> str:
    """Refuse a bundle that no trusted key has signed; returns the name of the key that did.

    Args:
        bundle: its path; the signature lies beside it.
        whole: the file's bytes, as they will be run.
        folder: of trusted public keys, `*.pub`.

    Raises:
        ModelError: no signature, one by an unknown key, or an invalid one.
        MissingExtraError: cryptography is not installed, so nothing can be verified.
    """
    _ed25519()
    from cryptography.exceptions import InvalidSignature

    said, sha256 = _signature(bundle), hashlib.sha256(whole).hexdigest()
    for file in sorted(folder.glob("*.pub")):
        key = _public(file, _read(file))
        try:
            key.verify(said, _message(sha256))
        except InvalidSignature:
            continue
        return name_of(key)
    raise ModelError(
        f"No trusted key has signed {bundle} as it is now.",
        "Get it again from whom you trust, or trust its maker's key (`hemato-edge model trust KEY.pub`).",
    )


def name_of(key: Ed25519PublicKey) -> str:
    """Identifier of a public key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _message(sha256: str) -> bytes:
    return _PURPOSE + sha256.encode("ascii")


def _signature(bundle: Path) -> bytes:
    file = signature_path(bundle)
    if not file.exists():
        raise ModelError(
            f"{bundle} is not signed, and only trusted models are run (model.trusted_keys).",
            f"Its maker signs it with `hemato-edge model sign`; {file.name} belongs beside it.",
        )
    try:
        return bytes.fromhex(json.loads(_read(file))["signature"])
    except (ValueError, LookupError, TypeError) as error:
        raise ModelError(f"{file} is no signature.", "Get it again.") from error


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
            "Signatures of models need cryptography, which is not installed.",
            "Type `pip install 'hemato-edge[sign]'`.",
        ) from error
    return ed25519


def _read(file: Path) -> bytes:
    try:
        opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(opened, _LARGEST)
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
