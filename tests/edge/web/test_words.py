"""The page's languages: no key is missing, no place is lost, the notice is whole, and numbers are written as there."""

from __future__ import annotations

import ast
import json
import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from sites import Site

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.labels import BY_NAME
from hemato_edge.languages import LANGUAGES, language_of, number_in, recorded_words_of, words_of
from hemato_edge.settings.harmless import HARMLESS
from hemato_edge.site.verification import NOT_VERIFIED, VERIFIED_LINES, verified_line
from hemato_edge.store.records import FINISHED, INTERRUPTED, RUNNING
from hemato_edge.web.access import Role
from hemato_edge.web.counting import NOTES
from hemato_edge.web.pages import MENU

WEB = Path(str(files("hemato_edge.web")))
WORDS = Path(str(files("hemato_edge"))) / "words"
NOWHERE = {"There is no such page.", "Go back to the first one."}
"""What is said where nothing is: handed to `_` as an error."""
OTHERS = [code for code in LANGUAGES if code != "en"]


def said_in_templates() -> set[str]:
    """Every text that a template hands to `_`."""
    found = set()
    for template in (WEB / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        calls = re.findall(r"""\b_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", text)
        found |= {ast.literal_eval(call) for call in calls}
        assert len(re.findall(r"\b_\(\s*[\"']", text)) == len(calls), template.name
    return found


def said_by_names() -> set[str]:
    """What templates hand to `_` by the name of a value."""
    classes = {words for one in BY_NAME.values() for words in (one.plural, one.words)}
    roles = {role.word for role in Role if role is not Role.NOBODY}
    states = {RUNNING, FINISHED, INTERRUPTED, NOT_VERIFIED}
    return (
        classes
        | roles
        | states
        | set(NOTES)
        | set(HARMLESS.values())
        | {name for _, name in MENU}
        | set(VERIFIED_LINES)
        | NOWHERE
        | {RESEARCH_USE_NOTICE}
    )


def catalogue(code: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((WORDS / f"{code}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("code", OTHERS)
def test_no_key_is_missing_or_empty(code: str) -> None:
    missing = (said_in_templates() | said_by_names()) - set(catalogue(code))
    assert sorted(missing) == []
    assert all(text.strip() for text in catalogue(code).values())


def test_no_text_is_left_that_nobody_says() -> None:
    assert sorted(set(catalogue("de")) - said_in_templates() - said_by_names()) == []


@pytest.mark.parametrize("method", ["reviewed", "cross-validated"])
@pytest.mark.parametrize("right", [(0.98, 0.93, 0.995), (None, None, None)])
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_recorded_line_is_told_in_the_language_with_its_values(
    code: str, right: tuple[float | None, float | None, float | None], method: str
) -> None:
    line = verified_line(100, date(2026, 3, 1), right, method)
    told = recorded_words_of(code)(line)
    assert (told == line) is (code == "en")
    assert "100" in told
    assert "2026-03-01" in told
    if right[0] is not None:
        assert number_in(code)(98.0, 1) in told
        assert number_in(code)(99.5, 1) in told
    assert recorded_words_of(code)("said by nobody") == "said by nobody"


@pytest.mark.parametrize("code", OTHERS)
def test_the_same_values_stand_in_every_text(code: str) -> None:
    for english, text in catalogue(code).items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english)), english


def test_every_catalogue_has_the_same_keys_and_is_sorted() -> None:
    keys = [list(catalogue(code)) for code in OTHERS]
    assert all(one == sorted(one) for one in keys)
    assert all(one == keys[0] for one in keys)
    assert {path.stem for path in WORDS.iterdir()} == set(OTHERS)


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, None, "en"),
        ("sw", "de", "sw"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "nl,pt-BR;q=0.7", "pt"),
        ("xx", "../..", "en"),
    ],
)
def test_who_chose_gets_it_and_else_the_browser_decides(chosen: str, accepted: str, language: str) -> None:
    assert language_of(chosen, accepted) == language


def test_numbers_have_the_decimal_mark_of_the_language() -> None:
    assert [number_in(code)(12.345, 1) for code in ("en", "de", "hi", "fr")] == ["12.3", "12,3", "12.3", "12,3"]
    assert number_in("de")(3.0, 0) == "3"


@pytest.mark.parametrize("code", OTHERS)
def test_a_page_speaks_the_language_and_the_notice_is_whole(site: Site, code: str) -> None:
    words = words_of(code)
    with site.client(Role.KEEPER, page=True) as phone:
        phone.cookies.set("language", code)
        page = phone.get("/sessions/2").text
    assert f'<html lang="{code}"' in page
    assert words(RESEARCH_USE_NOTICE) in page
    assert words(BY_NAME["neutrophil"].plural) in page
    assert words(NOT_VERIFIED) in page
    assert words(RESEARCH_USE_NOTICE).count(".") + words(RESEARCH_USE_NOTICE).count("।") == 2


def test_a_language_is_chosen_and_kept(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        answer = phone.post("/language", data={"language": "fr", "token": site.csrf(Role.VIEWER)})
        assert answer.status_code == 303
        assert "language=fr" in answer.headers["set-cookie"]
        assert "Historique" in phone.get("/history").text
        assert phone.post("/language", data={"language": "xx"}).status_code == 400
