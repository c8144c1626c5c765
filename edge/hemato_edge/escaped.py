"""Text from outside made storable, sendable and showable: names of files may be no UTF-8, and steer a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping

_LINE_BREAKS = "\n\t"
_STEERING = (
    *(*range(32), *range(127, 160)),
    *(0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
)
"""C0 and C1 control characters, line and paragraph separators, and the marks that turn the direction of writing."""
_ON_ONE_LINE = dict.fromkeys(_STEERING, "\N{REPLACEMENT CHARACTER}")
_IN_LINES = {code: sign for code, sign in _ON_ONE_LINE.items() if chr(code) not in _LINE_BREAKS}


def as_utf8(text: str) -> str:
    r"""`text` with non-UTF-8 bytes written as escapes, such as `M\xfcller`; otherwise unchanged.

    Python represents such bytes of file names and arguments as lone surrogates (PEP 383), which neither SQLite nor a
    socket accepts.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if _has_lone(text) else text


def _has_lone(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def values_as_utf8(value: object) -> object:
    """The same for all texts inside dicts and lists."""
    if isinstance(value, str):
        return as_utf8(value)
    if isinstance(value, Mapping):
        return {as_utf8(str(name)): values_as_utf8(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [values_as_utf8(inner) for inner in value]
    return value


def json_text(value: object, *, indent: int | None = None, ensure_ascii: bool = True, allow_nan: bool = True) -> str:
    """`value` as JSON, with `values_as_utf8`: JSON has no bytes that are no text. The others as of `json.dumps`."""
    return json.dumps(values_as_utf8(value), indent=indent, ensure_ascii=ensure_ascii, allow_nan=allow_nan)


def on_one_line(text: str) -> str:
    """`text` for a line of a log, an error or a terminal: it begins no line of its own and moves no cursor."""
    return text.translate(_ON_ONE_LINE)


def without_controls(text: str) -> str:
    """`text` for a document that may have lines and tabs: nothing else in it steers whoever shows it."""
    return text.translate(_IN_LINES)
