"""The key of the chain, where there is one: each entry then carries a seal that nobody can make without it.

A seal is HMAC-SHA-256 (RFC 2104) of the link that the entry would have without its seal; it stands in what the entry
says, so that the link covers it, too, and a program without the key verifies the chain as before. The key lies in a
file that only its owner may read, or comes from systemd's credentials (https://systemd.io/CREDENTIALS). It is read by
whoever records; it proves nothing against that user, nor against root.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
import stat
from dataclasses import dataclass, field
from pathlib import Path

from hemato_edge.errors import ConfigurationError, StoreError

CREDENTIAL = "hemato-edge.chain-key"
"""The name of the key among systemd's credentials, as in `LoadCredential=hemato-edge.chain-key:/etc/…`."""
SEAL, KEY = "seal", "key"
"""What an entry says: its seal; and, where a chain begins, whose."""
_FEWEST, _MOST = 32, 4096
"""Bytes of a key's file: SHA-256's length is what HMAC asks for at least (RFC 2104, 3)."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key of the chain.

    Attributes:
        secret: at least 32 bytes; never shown.
    """

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """16 hexadecimal digits that tell keys apart and do not give them away."""
        return hmac.new(self.secret, b"hemato-edge: name of a chain's key", hashlib.sha256).hexdigest()[:16]

    def seal(self, link: bytes) -> str:
        """The seal over a link, hexadecimal."""
        return hmac.new(self.secret, link, hashlib.sha256).hexdigest()

    def holds(self, seal: object, link: bytes) -> bool:
        """Whether it is the seal over that link."""
        return isinstance(seal, str) and hmac.compare_digest(seal.encode(), self.seal(link).encode())


class SealingConnection(sqlite3.Connection):
    """A connection whose entries of the chain are sealed, where it has a key."""

    seal_key: SealKey | None = None


def key_of(connection: sqlite3.Connection) -> SealKey | None:
    """The key that a connection seals with."""
    return connection.seal_key if isinstance(connection, SealingConnection) else None


def find_key(file: Path | None) -> SealKey | None:
    """The key from the file that the settings name, else from systemd's credentials; None where there is neither.

    Raises:
        ConfigurationError: a key is named that cannot be used; nothing is recorded without the seal that was asked for.
    """
    if file is not None:
        return read_key(file)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / CREDENTIAL if folder else None
    return read_key(credential) if credential is not None and credential.exists() else None


def read_key(file: Path) -> SealKey:
    """The key in a file: hexadecimal digits as `make_key` writes them, or any other bytes as they are.

    Raises:
        ConfigurationError: it cannot be read, others may read it, or it is too short or too long.
    """
    fix = "Make one with `hemato-edge db key FILE`, and let nobody but its owner read it (`chmod 600`)."
    try:
        opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode):
                raise ConfigurationError(f"The key of the chain {file} is no file.", fix)
            if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(f"The key of the chain {file} can be read by others.", fix)
            content = os.read(opened, _MOST + 1)
        finally:
            os.close(opened)
    except OSError as error:
        raise ConfigurationError(f"The key of the chain {file} cannot be read ({error.strerror}).", fix) from error
    try:
        secret = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        secret = content
    if not _FEWEST <= len(secret) <= _MOST:
        raise ConfigurationError(f"The key of the chain {file} has {len(secret)} bytes; {_FEWEST} are the least.", fix)
    return SealKey(secret)


def make_key(file: Path) -> SealKey:
    """Writes a new random key into a file that is not there yet, for its owner alone.

    Raises:
        StoreError: the file is there, or cannot be written.
    """
    secret = secrets.token_bytes(_FEWEST)
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(opened, secret.hex().encode() + b"\n")
            os.fsync(opened)
        finally:
            os.close(opened)
    except FileExistsError as error:
        raise StoreError(f"{file} is there already; it was left as it is.", "Name another file.") from error
    except OSError as error:
        raise StoreError(f"The key {file} cannot be written ({error.strerror}).", "Name another file.") from error
    return SealKey(secret)
