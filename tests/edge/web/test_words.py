"""The page in its languages: what it shows is in the device's language, and the research notice is whole."""

from __future__ import annotations

import pytest
from sites import Site

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.labels import BY_NAME
from hemato_edge.languages import LANGUAGES, words_of
from hemato_edge.site.verified_line import NOT_VERIFIED
from hemato_edge.web.security.access import Role

OTHERS = [code for code in LANGUAGES if code != "en"]


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


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_printed_report_and_the_text_are_in_the_language_of_who_asks(site: Site, code: str) -> None:
    words = words_of(code)
    with site.client(Role.VIEWER, page=True) as phone:
        phone.cookies.set("language", code)
        page = phone.get("/sessions/2/print").text
        assert f'<html lang="{code}">' in page
        for said in ("White-cell differential", "Provenance", RESEARCH_USE_NOTICE, "Not approved by anybody."):
            assert words(said) in page
        assert words("Classified white cells") in phone.get("/sessions/2/file/text").text
        assert '"label": "neutrophil"' in phone.get("/sessions/2/file/json").text
        assert "neutrophil" in phone.get("/sessions/2/file/csv").text


def test_a_language_is_chosen_and_kept(site: Site) -> None:
    with site.client(Role.VIEWER, page=True) as phone:
        answer = phone.post("/language", data={"language": "fr", "token": site.csrf(Role.VIEWER)})
        assert answer.status_code == 303
        assert "language=fr" in answer.headers["set-cookie"]
        assert "Historique" in phone.get("/history").text
        assert phone.post("/language", data={"language": "xx"}).status_code == 400
