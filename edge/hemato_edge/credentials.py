"""Passwords in camera addresses: read from a file, and never shown.

An address with a password appears in settings, records, errors and logs. All of these pass through `without_secrets`
before they leave the program.
"""

from __future__ import annotations

import re
from pathlib import Path

HIDDEN = "…"
_USER_INFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s/\"'@]*(?:@[^\s/\"'@]*)*@(?=[^\s/@]+)", re.IGNORECASE)
"""The user information of a URL (RFC 3986, 3.2.1), even if an `@` in the password was not escaped."""
_NAMED = re.compile(
    r"(?P<name>\b(?:user|user-id|user-pw|username|password|passwd|passphrase|pass|pwd|proxy-id|proxy-pw|token|access_token"
    r"|api_?key|auth|secret)=)(?P<value>\"[^\"]*\"|'[^']*'|[^\s&;,!\"']+)",
    re.IGNORECASE,
)
"""Query parameters, and properties of a GStreamer element."""


def without_secrets(text: str) -> str:
    """The text with user names and passwords of addresses hidden; any other text is returned unchanged."""
    if "@" not in text and "=" not in text:
        return text
    return _NAMED.sub(rf"\g<name>{HIDDEN}", _USER_INFO.sub(rf"\g<scheme>{HIDDEN}@", text))


def with_credentials(address: str, file: Path | None) -> str:
    """The address with user name and password from a file: its first line, `user:password`.

    Args:
        address: of a network camera, `scheme://host/…`.
        file: readable only by the program; None: the address is unchanged.

    Raises:
        OSError: the file cannot be read.
        ValueError: the address is no URL, or holds credentials already, or the file has no `user:password`.
    """
    if file is None:
        return address
    from urllib.parse import quote

    scheme, separator, rest = address.partition("://")
    if not separator or "@" in rest.split("/")[0]:
        msg = "credentials need an address like rtsp://host/stream without any of its own"
        raise ValueError(msg)
    line = (Path(file).read_text(encoding="utf-8").splitlines() or [""])[0].strip()
    user, colon, password = line.partition(":")
    if not user or not colon:
        msg = f"the first line of {file} is not user:password"
        raise ValueError(msg)
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
