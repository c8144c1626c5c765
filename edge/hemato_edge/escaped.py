"""Text from outside as it can be stored and sent: names of files need not be UTF-8, and Python hands them on so."""

from __future__ import annotations

from collections.abc import Mapping


def as_utf8(text: str) -> str:
    r"""`text` with what is no UTF-8 written as an escape, such as `M\xfcller`; all else stays as it is.

    Python gives bytes of a file's name or an argument that are not UTF-8 as lone surrogates (PEP 383), which neither
    SQLite nor a socket takes.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if _has_lone(text) else text


def _has_lone(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def values_as_utf8(value: object) -> object:
    """The same for all texts inside of dicts and lists."""
    if isinstance(value, str):
        return as_utf8(value)
    if isinstance(value, Mapping):
        return {as_utf8(str(name)): values_as_utf8(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [values_as_utf8(inner) for inner in value]
    return value
