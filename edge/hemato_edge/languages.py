"""The words of the page and of reports in the language of who reads them.

English is what stands in the templates and modules; a catalogue `words/LANGUAGE.json` maps it to another language. Only
the chosen one is loaded. The store, labels of samples and files for other programs stay English.
"""

from __future__ import annotations

import functools
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Language = Literal["en", "de", "fr", "es", "pt", "hi", "sw"]
"""The codes, for a setting."""
LANGUAGES: dict[str, str] = {
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
_LEAST_FIXED = 8
_MARKS = str.maketrans({".": ",", ",": "\N{NARROW NO-BREAK SPACE}"})


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


def written_in(language: str, number: str) -> str:
    """A number as text ("1,234.5") with the marks of `language`: comma languages have a narrow space for thousands."""
    return number.translate(_MARKS) if language in DECIMAL_COMMA else number


def number_in(language: str) -> Callable[[float, int], str]:
    """What writes a number with so many decimals as `language` does."""
    return lambda value, decimals: written_in(language, f"{value:.{decimals}f}")


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
    """What turns finished English sentences into ones of `language`, as far as the catalogue knows them.

    The store and the door tell sentences whose values stand in them already ("verified on 100 cells on …"). The
    catalogue's text that the sentence was made from is found by its fixed words, the longest first; values that are
    themselves in the catalogue, also several with commas, and decimal marks follow.
    """
    catalogue = catalogue_of(language)
    open_texts = sorted((text for text in catalogue if _told_apart(text)), key=lambda text: -len(_fixed(text)))
    patterns = [(re.compile(_pattern(text), re.DOTALL), catalogue[text]) for text in open_texts]

    def value(text: str) -> str:
        if re.fullmatch(r"-?\d+\.\d+", text):
            return written_in(language, text)
        return ", ".join(catalogue.get(part, part) for part in text.split(", "))

    def recorded(text: str) -> str:
        if text in catalogue:
            return catalogue[text]
        return " ".join(map(of_one, re.split(r"(?<=\.) ", text)))

    def of_one(sentence: str) -> str:
        if sentence in catalogue:
            return catalogue[sentence]
        for pattern, said in patterns:
            if found := pattern.fullmatch(sentence):
                return said.format(**{name: value(text) for name, text in found.groupdict().items()})
        return sentence

    return recorded


def _told_apart(text: str) -> bool:
    """Whether a text has values, and enough words of its own to be known by."""
    return "{" in text and len(_fixed(text)) >= _LEAST_FIXED


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
