"""Pairing: a one-time PIN, or the same in a QR code, lets a device in. No password is anywhere.

`hemato-edge web pair` writes the PIN's salted hash beside the list of devices, and the page takes it from there, so the
two need nothing but the folder. On the loopback address the page prints a long token of its own instead, good while
it runs, as a notebook server does.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING

from hemato_edge.web.security.access import Role
from hemato_edge.web.security.private_file import changed_private

if TYPE_CHECKING:
    from pathlib import Path

GOOD_S = 300.0
"""A PIN is good for so long."""
TRIES = 5
"""Wrong PINs after which a new one has to be made."""
DIGITS = 8


class Pairing:
    """What lets devices in.

    Args:
        folder: where the PIN's hash is kept.
        own_token: a token that is good again and again, for the loopback; None for none.
        own_role: what it gives.
    """

    def __init__(self, folder: Path, own_token: str | None = None, own_role: Role = Role.KEEPER) -> None:
        self._path = folder / "pairing.json"
        self._own_token = own_token
        self._own_role = own_role

    def new_pin(self, role: Role) -> str:
        """A new PIN of `DIGITS` digits; the one before is good no more."""
        pin, salt = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", secrets.token_hex(16)
        with changed_private(self._path) as said:
            said.clear()
            said |= {"salt": salt, "hash": _hash(salt, pin), "role": role.word, "until": time.time() + GOOD_S}
            said["tries"] = TRIES
        return pin

    def take(self, code: str) -> Role:
        """The role that a code gives, `NOBODY` if it is wrong or good no more. A PIN is used up by that."""
        code = "".join(code.split()).replace("-", "")
        if self._own_token is not None and hmac.compare_digest(code.encode(), self._own_token.encode()):
            return self._own_role
        with changed_private(self._path) as said:
            if not said or time.time() > float(said["until"]):
                said.clear()
                return Role.NOBODY
            right = hmac.compare_digest(_hash(str(said["salt"]), code), str(said["hash"]))
            role = Role.of(str(said["role"]))
            said["tries"] = int(said["tries"]) - 1
            if right or said["tries"] <= 0:
                said.clear()
            return role if right else Role.NOBODY


def new_token() -> str:
    """A token for the loopback address: letters and digits, 160 bits."""
    return secrets.token_hex(20)


def _hash(salt: str, pin: str) -> str:
    """Slow on purpose: eight digits are few, should the file be read."""
    return hashlib.scrypt(pin.encode()[:64], salt=bytes.fromhex(salt), n=2**12, r=8, p=1).hex()
