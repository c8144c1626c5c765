"""Signed models: who made a bundle, proved by an Ed25519 signature (RFC 8032) beside it.

Hashes and golden pairs show that a file is complete, not who made it. A signature covers the SHA-256 of the whole file
and is stored in `FILE.sig`; trusted keys are a folder of public keys. The bundles that ship with the program need none:
their hashes are in the package.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from hemato_edge.errors import ModelError
from hemato_edge.models.keys import read_small, signature_of, signer_of
from hemato_edge.output_files import write_aside

if TYPE_CHECKING:
    from pathlib import Path

_PURPOSE = b"hemato-edge model signature 1\n"
"""Prefix of the signed message, so that a signature made for another purpose is invalid."""


def signature_path(bundle: Path) -> Path:
    """Path of a bundle's signature."""
    return bundle.with_name(bundle.name + ".sig")


def sign(bundle: Path, key_file: Path) -> str:
    """Sign a bundle with a private key, replacing an earlier signature; returns the key's name.

    Raises:
        ModelError: the key or the bundle cannot be read.
        OutputError: the signature cannot be written.
        MissingExtraError: cryptography is not installed.
    """
    try:
        sha256 = hashlib.sha256(bundle.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"{bundle} cannot be read ({error.strerror}).", "Check the path.") from error
    name, signature = signature_of(_message(sha256), key_file)
    said = {"format": 1, "file_sha256": sha256, "key": name, "signature": signature.hex()}
    write_aside(signature_path(bundle), (json.dumps(said, indent=1) + "\n").encode())
    return name


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
    name = signer_of(_message(hashlib.sha256(whole).hexdigest()), _signature(bundle), folder)
    if name is not None:
        return name
    raise ModelError(
        f"No trusted key has signed {bundle} as it is now.",
        "Get it again from whom you trust, or trust its maker's key (`hemato-edge model trust KEY.pub`).",
    )


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
        return bytes.fromhex(json.loads(read_small(file))["signature"])
    except (ValueError, LookupError, TypeError) as error:
        raise ModelError(f"{file} is no signature.", "Get it again.") from error
