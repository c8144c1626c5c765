"""HL7's Minimal Lower Layer Protocol: one message, one acknowledgement, each within a bound of time.

HL7 Transport Specification: MLLP, Release 1: a block begins with 0x0B and ends with 0x1C 0x0D.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from hemato_edge.errors import OutletError

if TYPE_CHECKING:
    from hemato_edge.settings import Hl7Settings

START, END = b"\x0b", b"\x1c\r"
ACCEPTED = ("AA", "CA")
"""MSA-1 of a receiver that takes the message (table 0008)."""
_MOST_BYTES = 1 << 20


class NotAcceptedError(OutletError):
    """The receiver has the message and refuses it: sending it again will not help."""


def exchange(message: str, control: str, settings: Hl7Settings, deadline: float) -> None:
    """Send one message, and wait for its acknowledgement.

    Args:
        message: segments that end with a carriage return.
        control: its MSH-10, which the acknowledgement names.
        settings: with a host.
        deadline: by `time.monotonic()`.

    Raises:
        NotAcceptedError: the receiver refuses it.
        OutletError: the receiver cannot be reached, or gives no acknowledgement.
    """
    whom = f"{settings.host}:{settings.port}"
    try:
        with _connected(settings, deadline) as line:
            line.sendall(START + message.encode() + END)
            answer = _block(line, deadline)
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "").rstrip(".") or error.reason
        raise OutletError(f"No TLS with {whom}: {why}.", "Check hl7.security, hl7.ca_file, hl7.port.") from error
    except OSError as error:
        raise OutletError(
            f"{whom} gave no acknowledgement: {error.strerror or error}.", "Check hl7.host and hl7.port."
        ) from error
    code, named, why = acknowledgement(answer)
    if named != control:
        raise OutletError(f"{whom} acknowledged another message.", "Look at the receiver's log.")
    if code not in ACCEPTED:
        raise NotAcceptedError(f"{whom} refused the report: {code} {why}".strip() + ".", "Look at the receiver's log.")


def acknowledgement(message: str) -> tuple[str, str, str]:
    """MSA-1, MSA-2 and, where it says why, MSA-3 or ERR-8 of an acknowledgement.

    Raises:
        OutletError: it is none.
    """
    segments = [line for line in message.replace("\n", "\r").split("\r") if line]
    if segments and segments[0].startswith("MSH") and len(segments[0]) > 3:
        mark = segments[0][3]
        fields = {line[:3]: line.split(mark) for line in segments[1:]}
        msa, err = fields.get("MSA", []), fields.get("ERR", [])
        if len(msa) > 2:
            why = (msa[3] if len(msa) > 3 else "") or (err[8] if len(err) > 8 else "")
            return msa[1], msa[2], why[:200]
    raise OutletError("The receiver's answer is no acknowledgement.", "Is it an HL7 receiver?")


def _connected(settings: Hl7Settings, deadline: float) -> socket.socket:
    line = socket.create_connection((settings.host or "", settings.port), _left(deadline))
    if settings.security == "none":
        return line
    context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
    try:
        return context.wrap_socket(line, server_hostname=settings.host)
    except BaseException:  # whatever it was: tidied up, and raised again
        line.close()
        raise


def _block(line: socket.socket, deadline: float) -> str:
    got = b""
    while END not in got:
        line.settimeout(_left(deadline))
        piece = line.recv(65_536)
        if not piece or len(got) > _MOST_BYTES:
            raise ConnectionError("the connection ended")
        got += piece
    return got[got.find(START) + 1 : got.index(END)].decode("utf-8", "replace")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time is left")
    return left
