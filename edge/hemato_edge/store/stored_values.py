"""What the columns of a database may hold: each value is checked once, where a row is read.

SQLite's STRICT tables check the type of a column, not that a text is JSON of a certain form, a name a class, or a
number a time. Whatever else stands there was written past this program, or is damage.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from hemato_edge.labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_S = 1e10
"""No clock of a computer that runs shows more, seconds: three centuries."""
LONGEST_SIDE_PX = 1 << 20
FARTHEST_PX = 1e9
MOST = 1 << 53


def class_name(name: str) -> str:
    """A name that a cell may count under.

    Raises:
        ValueError: this program knows no such class.
    """
    if name not in BY_NAME:
        msg = f"{name[:40]!r} is no class of cells"
        raise ValueError(msg)
    return name


def count(number: int) -> int:
    """How many there are of something.

    Raises:
        ValueError: fewer than none, or more than anybody counts.
    """
    if not 0 <= number <= MOST:
        msg = f"{number} is no count"
        raise ValueError(msg)
    return number


def counts_by_class(counts: Mapping[str, int]) -> dict[str, int]:
    """Cells by the name of their class.

    Raises:
        ValueError: this program knows no such class.
    """
    return {class_name(name): count(cells) for name, cells in counts.items()}


def seconds(value: float) -> float:
    """A reading of the monotonic clock.

    Raises:
        ValueError: no clock shows that.
    """
    if not -LONGEST_S < value < LONGEST_S:
        msg = f"{value} s is no time"
        raise ValueError(msg)
    return value


def place_px(value: float | None) -> float | None:
    """A place on the slide, pixels.

    Raises:
        ValueError: no stage moves so far.
    """
    if value is not None and not abs(value) < FARTHEST_PX:
        msg = f"{value} px is no place"
        raise ValueError(msg)
    return value


def finite(value: float | None) -> float | None:
    """A measure.

    Raises:
        ValueError: it is infinite, or no number.
    """
    if value is not None and not math.isfinite(value):
        msg = f"{value} is no measure"
        raise ValueError(msg)
    return value


def side_px(value: int) -> int:
    """A side of a frame, pixels.

    Raises:
        ValueError: no frame has it.
    """
    if not 0 < value <= LONGEST_SIDE_PX:
        msg = f"{value} is no side of a frame"
        raise ValueError(msg)
    return value


def mapping(text: str) -> dict[str, Any]:
    """A JSON object without infinite numbers.

    Raises:
        ValueError: it is none.
    """
    found: dict[str, Any] = _of_kind(text, dict)
    return found


def measures(text: str) -> dict[str, float | None]:
    """A JSON object of numbers, null where one was not finite.

    Raises:
        ValueError: it is none.
    """
    found = mapping(text)
    if not all(value is None or (isinstance(value, (int, float)) and value is not True) for value in found.values()):
        msg = "a measure is no number"
        raise ValueError(msg)
    return found


def share(value: float) -> float:
    """A probability.

    Raises:
        ValueError: it is outside of 0 to 1.
    """
    if not 0 <= value <= 1:
        msg = f"{value} is no probability"
        raise ValueError(msg)
    return float(value)


def words(text: str) -> str:
    """A text that says something.

    Raises:
        ValueError: it is empty.
    """
    if not text:
        msg = "a text is empty"
        raise ValueError(msg)
    return text


def texts(text: str) -> dict[str, str]:
    """A JSON object of texts, none of them empty.

    Raises:
        ValueError: it is none.
    """
    found = mapping(text)
    if not all(isinstance(value, str) and value for value in found.values()):
        msg = "a value is no text"
        raise ValueError(msg)
    return found


def names(text: str) -> tuple[str, ...]:
    """A JSON list of texts.

    Raises:
        ValueError: it is none.
    """
    found = _of_kind(text, list)
    if not all(isinstance(one, str) for one in found):
        msg = "a name is no text"
        raise ValueError(msg)
    return tuple(found)


def confusion(text: str, classes: int) -> tuple[tuple[int, ...], ...]:
    """A JSON list of `classes` rows of as many numbers, none below zero.

    Raises:
        ValueError: it is none.
    """
    rows = _of_kind(text, list)
    sound = (isinstance(row, list) and len(row) == classes and all(map(_is_count, row)) for row in rows)
    if len(rows) != classes or not all(sound):
        msg = f"it is no matrix of {classes} × {classes} counts"
        raise ValueError(msg)
    return tuple(map(tuple, rows))


def _is_count(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _of_kind(text: str, kind: type) -> Any:
    found = json.loads(text, parse_float=lambda number: finite(float(number)), parse_constant=_refused)
    if not isinstance(found, kind):
        msg = f"{text[:40]!r} is no JSON {'object' if kind is dict else 'list'}"
        raise ValueError(msg)
    return found


def _refused(word: str) -> object:
    msg = f"{word} is no number of JSON's"
    raise ValueError(msg)
