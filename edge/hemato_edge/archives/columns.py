"""What a column of an archive's tables is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "str | int | float | None"
Row: TypeAlias = "tuple[Value, ...]"
TEXT, WHOLE, NUMBER = "text", "whole", "number"
"""Types of columns: UTF-8, 32 bits with sign, and single precision."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, `TEXT`, `WHOLE` or `NUMBER`, and what it means. Any of them may be null."""

    name: str
    type: str
    meaning: str
