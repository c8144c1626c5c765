"""The words of the page in the language of who looks at it.

English is what stands in the templates and modules; a catalogue `words/LANGUAGE.json` maps it to another language. Only
the chosen one is loaded. The store, labels of samples, the printed report and files for other programs stay English.

gettext was weighed: its catalogues have to be compiled, or their binary files kept beside the readable ones, and what
it offers beyond a table, plural forms, is not needed where a number stands before a noun in brackets or after a colon.
Babel writes numbers and dates by language, and is 32 MB of data for a decimal mark and the order of a date.
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "hi": "हिन्दी",
    "sw": "Kiswahili",
}
"""Code → the language's own name, of those that are complete."""
DECIMAL_COMMA = frozenset({"de", "fr", "es", "pt"})
"""Languages that write 12,5 and not 12.5."""


def language_of(chosen: str | None, accepted: str | None) -> str:
    """The language to answer in.

    Args:
        chosen: code that the person chose before, or None.
        accepted: the browser's `Accept-Language`, or None.
    """
    wanted = [chosen or ""]
    for one in (accepted or "")[:200].split(","):
        wanted.append(one.partition(";")[0].strip().lower().partition("-")[0])
    return next((code for code in wanted if code in LANGUAGES), "en")


def number_in(language: str) -> Callable[[float, int], str]:
    """What writes a number with so many decimals as `language` does."""
    mark = "," if language in DECIMAL_COMMA else "."
    return lambda value, decimals: f"{value:.{decimals}f}".replace(".", mark)


@functools.lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Callable[..., str]:
    """What turns an English text into one of `language`; `{name}` in it is filled from keywords."""
    catalogue: dict[str, str] = {}
    if language != "en":
        text = (files("hemato_edge") / "words" / f"{language}.json").read_text(encoding="utf-8")
        catalogue = json.loads(text)

    def words(english: str, **values: object) -> str:
        said = catalogue.get(english) or english
        return said.format(**values) if values else said

    return words
