"""What is said at the door: commands and answers, one JSON object a line. No number is sent that JSON has not.

A request is `{"v": 1, "command": "start", "key": "…", "by": "…", "arguments": {…}}`. `key` makes a command idempotent:
the answer to a key that was answered before is that answer again. `by` names the device that asks, for the log. An
answer is `{"ok": true, …}` or `{"ok": false, "kind": "…", "error": "…", "fix": "…"}`; that of `frame` says with "jpeg"
how many bytes of a picture follow its line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from hemato_edge.door.commands import COMMANDS, LARGEST, LONGEST, MAX_KEY, MAX_NUMBER, MAX_WHO, ONE_OF, WANTED
from hemato_edge.errors import HematoEdgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.door.commands import Command

VERSION = 1
"""Of this protocol; a door answers no other."""
MAX_REQUEST_BYTES = 4096
"""A line with more is refused."""
MAX_ANSWER_BYTES = 1 << 20
"""A line of an answer has no more: some 10,000 marks."""


class DoorError(HematoEdgeError):
    """The door is shut, answers another version, or refuses what it was asked for.

    `kind` tells refusals apart: "shut" (nobody answers), "version", "malformed", "unknown" (no such command), "not_now"
    (the command belongs to another state), "refused" (what was asked cannot be done), "busy" (too many ask at once).
    """

    exit_code = 14

    def __init__(self, message: str, fix: str = "", kind: str = "refused") -> None:
        super().__init__(message, fix)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Request:
    """A command, and who asks.

    Attributes:
        command: what is asked.
        key: of this request; empty where asking twice does no harm.
        by: name of the device or program that asks.
    """

    command: Command
    key: str = ""
    by: str = ""

    def line(self) -> bytes:
        """As it is sent.

        Raises:
            DoorError: it is too long.
        """
        said = {"v": VERSION, "command": self.command.name, "key": self.key, "by": self.by}
        line = json.dumps(said | {"arguments": asdict(self.command)}, separators=(",", ":")).encode() + b"\n"
        if len(line) > MAX_REQUEST_BYTES:
            raise DoorError("What is to be said at the door is too long.", "Use shorter texts.", "malformed")
        return line


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        told: the JSON object, without "ok".
        jpeg: the picture that belongs to it; empty for none.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    jpeg: bytes = b""

    def content(self) -> bytes:
        """As it is sent."""
        told = {"ok": True, **self.told} | ({"jpeg": len(self.jpeg)} if self.jpeg else {})
        return json.dumps(told, separators=(",", ":"), allow_nan=False).encode() + b"\n" + self.jpeg


def refusal(error: HematoEdgeError) -> bytes:
    """The answer that says why not."""
    kind = error.kind if isinstance(error, DoorError) else "refused"
    said = {"ok": False, "kind": kind, "error": error.message, "fix": error.fix}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def parse_request(line: bytes) -> Request:
    """A request from its line.

    Raises:
        DoorError: it is none, of another version, or what it asks for is out of bounds.
    """
    said = _object(line)
    if said.get("v") != VERSION:
        raise DoorError(
            f"The door speaks version {VERSION}, not {said.get('v')!r}.", "Install the same version on both.", "version"
        )
    name, arguments = said.get("command"), said.get("arguments", {})
    if not isinstance(name, str) or name not in COMMANDS:
        raise DoorError(f"The door knows no command {str(name)[:40]!r}.", f"It knows {', '.join(COMMANDS)}.", "unknown")
    if not isinstance(arguments, dict):
        raise _malformed("arguments")
    command = _command(COMMANDS[name], arguments)
    return Request(command, _text(said, "key", MAX_KEY), _text(said, "by", MAX_WHO))


def parse_answer(line: bytes) -> dict[str, Any]:
    """What an answer tells, without "ok".

    Raises:
        DoorError: the door refused, or this is no answer.
    """
    said = _object(line)
    if said.pop("ok", False) is not True:
        raise DoorError(str(said.get("error", "The door refuses.")), str(said.get("fix", "")), str(said.get("kind")))
    return said


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DoorError("What was said at the door is not JSON.", kind="malformed") from error
    if not isinstance(said, dict):
        raise DoorError("What was said at the door is not a JSON object.", kind="malformed")
    return said


def _command(kind: type[Command], arguments: Mapping[str, Any]) -> Command:
    known = {one.name: one for one in fields(kind)}
    for name in arguments:
        if name not in known:
            raise DoorError(f"The command {kind.name} has no {name[:40]!r}.", kind="malformed")
    values: dict[str, Any] = {}
    for name, one in known.items():
        if name not in arguments:
            continue
        if isinstance(one.default, str):
            values[name] = _text(arguments, name, LONGEST[name])
        else:
            values[name] = _number(arguments, name, LARGEST.get(name, MAX_NUMBER))
    made = kind(**values)
    if any(not getattr(made, name).strip() for name in WANTED.get(kind, ())):
        raise DoorError(f"The command {kind.name} needs {' and '.join(WANTED[kind])}.", kind="malformed")
    name, allowed = ONE_OF.get(kind, ("", ()))
    if name and getattr(made, name) not in allowed:
        raise DoorError(
            f"The {name} of the command {kind.name} cannot be {getattr(made, name)!r}.",
            f"Use one of {', '.join(map(str, allowed))}.",
            "malformed",
        )
    return made


def _text(said: Mapping[str, Any], name: str, longest: int) -> str:
    text = said.get(name, "")
    if not isinstance(text, str) or len(text) > longest or not text.isprintable():
        raise _malformed(name)
    return text


def _number(said: Mapping[str, Any], name: str, largest: int) -> int:
    value = said[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise _malformed(name)
    return value


def _malformed(name: str) -> DoorError:
    return DoorError(f"The door was told a {name} that is out of bounds.", kind="malformed")
