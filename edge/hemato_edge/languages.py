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
import re
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
def catalogue_of(language: str) -> Mapping[str, str]:
    """English text → what it is in `language`; empty for English."""
    if language == "en":
        return {}
    found: dict[str, str] = json.loads(
        (files("hemato_edge") / "words" / f"{language}.json").read_text(encoding="utf-8")
    )
    return found


@functools.lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Callable[..., str]:
    """What turns an English text into one of `language`; `{name}` in it is filled from keywords."""
    catalogue = catalogue_of(language)

    def words(english: str, **values: object) -> str:
        said = catalogue.get(english) or english
        return said.format(**values) if values else said

    return words


@functools.lru_cache(maxsize=len(LANGUAGES))
def recorded_words_of(language: str) -> Callable[[str], str]:
    """What turns a finished English sentence into one of `language`, as far as the catalogue knows it.

    The store and the door tell sentences whose values stand in them already ("verified on 100 cells on …"). The
    catalogue's text that the sentence was made from is found by its fixed words, the longest first; values that are
    themselves in the catalogue, also several with commas, and decimal marks follow.
    """
    catalogue = catalogue_of(language)
    open_texts = sorted((text for text in catalogue if "{" in text), key=lambda text: -len(_fixed(text)))
    patterns = [(re.compile(_pattern(text), re.DOTALL), catalogue[text]) for text in open_texts]

    def value(text: str) -> str:
        if re.fullmatch(r"-?\d+\.\d+", text):
            return text.replace(".", "," if language in DECIMAL_COMMA else ".")
        return ", ".join(catalogue.get(part, part) for part in text.split(", "))

    def recorded(sentence: str) -> str:
        if sentence in catalogue:
            return catalogue[sentence]
        for pattern, said in patterns:
            if found := pattern.fullmatch(sentence):
                return said.format(**{name: value(text) for name, text in found.groupdict().items()})
        return sentence

    return recorded


def _fixed(text: str) -> str:
    """The text without its places for values."""
    return re.sub(r"\{\w+\}", "", text)


def _pattern(text: str) -> str:
    """A regular expression for what can be made of `text`; a value that stands twice is the same."""
    seen: set[str] = set()
    made = ""
    for piece in re.split(r"(\{\w+\})", text):
        name = piece[1:-1]
        if not re.fullmatch(r"\{\w+\}", piece):
            made += re.escape(piece)
        else:
            made += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    return made
