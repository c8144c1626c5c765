"""Text from outside made storable and sendable: file names need not be UTF-8, and Python passes them through."""

from __future__ import annotations

from collections.abc import Mapping


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
