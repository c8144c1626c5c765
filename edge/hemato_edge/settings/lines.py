"""On which line of a TOML file a key is set: the TOML parser itself does not tell."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST_STATEMENT = 200
"""Lines of one value that are tried; a longer one, and what follows it, has no line numbers."""


def lines_of_keys(text: str) -> dict[str, int]:
    """Dotted name of each table and key → the line, from 1, on which it is first named. `text` is valid TOML.

    Statement by statement through the parser: the shortest run of lines that it accepts is one.
    """
    found: dict[str, int] = {}
    table, start = "", 0
    lines = text.replace("\r\n", "\n").split("\n")  # TOML knows no other line ends
    while start < len(lines):
        statement, length = _statement(lines, start)
        if not length:
            break
        is_header = lines[start].lstrip().startswith("[")
        names = _names(statement)
        if is_header and names:
            table = f"{names[-1]}."
        for name in names:
            found.setdefault(name if is_header else table + name, start + 1)
        start += length
    return found


def _statement(lines: list[str], start: int) -> tuple[dict[str, object], int]:
    """What the statement at `start` says, and its number of lines; 0 if it has no end."""
    for end in range(start + 1, min(start + _LONGEST_STATEMENT, len(lines)) + 1):
        try:
            return tomllib.loads("\n".join(lines[start:end])), end - start
        except ValueError:
            continue
    return {}, 0


def _names(tree: dict[str, object], prefix: str = "") -> list[str]:
    """All dotted names in a tree, the outer ones first."""
    names = []
    for name, value in tree.items():
        names.append(prefix + name)
        if isinstance(value, dict):
            names += _names(value, f"{prefix}{name}.")
    return names
