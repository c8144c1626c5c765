"""Quality over time in the reader's language: nothing of it stays English."""

from __future__ import annotations

import re

import pytest
from control_sessions import STEADY_PX, record_control

from hemato_edge.languages import LANGUAGES
from hemato_edge.quality_control.overview import Overview, overview
from hemato_edge.store.reader import Reader
from hemato_edge.views.quality_control.page import page
from hemato_edge.views.quality_control.words import plain_lines

OTHERS = [code for code in LANGUAGES if code != "en"]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Overview:
    """A lot with a broken rule."""
    path = tmp_path_factory.mktemp("controls") / "r.db"
    record_control(path, (*STEADY_PX, 41.0, 47.0))
    with Reader(path) as reader:
        return overview(reader)


def test_german_is_german(view: Overview) -> None:
    lines = list(plain_lines(view, "de"))
    assert lines[0].startswith("Kontrollpräparat, Charge ")
    assert lines[0].endswith(": AUSSER KONTROLLE")
    assert any(line.startswith("Erythrozytengröße") and "41,00 ± 0,15 px" in line for line in lines)
    assert "1-3s: ein Wert jenseits von 3 Standardabweichungen." in lines


@pytest.mark.parametrize("language", OTHERS)
def test_no_english_sentence_is_left(view: Overview, language: str) -> None:
    english = {line for line in plain_lines(view) if re.search(r"[a-z]{3}", line)}
    assert not english & set(plain_lines(view, language))
    made = page(view, language)
    assert f'<html lang="{language}">' in made
    for text in ("Quality over time", "standard deviations", ">mean<", "Newest", "sessions; limits"):
        assert text not in made


def test_english_is_what_stands_in_the_code(view: Overview) -> None:
    assert "<h1>Quality over time</h1>" in page(view)
    assert list(plain_lines(view)) == list(plain_lines(view, "en"))
