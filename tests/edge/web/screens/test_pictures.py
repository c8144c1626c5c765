"""Pictures from outside: judged as the command line judges them, refused in words, and gone after a while."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import pytest
from sites import Site

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.web.security.access import Role
from hemato_edge.web.sources.picture_jobs import PictureJobs


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("field") / "field <1>.png"
    cv2.imwrite(str(path), draw_field(3)[0])
    return path


def sent(site: Site, kind: str, *files: tuple[str, bytes], page: bool = False):
    with site.client(Role.COUNTER, page=page) as phone:
        form = {"kind": kind, "token": site.csrf(Role.COUNTER)}
        return phone.post("/pictures", data=form, files=[("pictures", one) for one in files])


def test_14_the_answer_is_that_of_the_command_line(site: Site, field: Path) -> None:
    answer = sent(site, "field", ("my field.png", field.read_bytes()))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    alone = [sys.executable, "-m", "hemato_edge.cli.main", "analyze", "--jsonl", "--each", str(field)]
    ours = json.loads(subprocess.run(alone, capture_output=True, text=True, check=True).stdout)
    theirs = told["pictures"][0]["answer"]
    assert told["pictures"][0]["name"] == "my field.png"
    for key in ("width", "height", "counts", "cells"):
        assert theirs[key] == ours[key]
    with site.client(Role.VIEWER, page=True) as phone:
        page = phone.get(told["result"])
        assert "my field.png" in page.text
        assert phone.get(f"{told['result']}/0").content[:4] == b"\x89PNG"
        assert phone.get(f"{told['result']}/7").status_code == 404


def test_14_one_cell_without_scripts(site: Site, field: Path) -> None:
    cell = cv2.imencode(".jpg", draw_field(3)[0][90:230, 380:520])[1].tobytes()
    answer = sent(site, "cell", ("x.jpg", cell), page=True)
    assert answer.status_code == 303
    with site.client(Role.VIEWER, page=True) as phone:
        page = phone.get(answer.headers["location"]).text
    assert page.count("<rect") >= 8  # a bar for every class
    assert "neutrophil" in page


def png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "No picture"),
        (b"MZ executable", 415, "no JPEG"),
        (b"<svg onload=alert(1)>", 415, "no JPEG"),
        (b"\0\0\0\x1cftypheic" + bytes(200), 415, "HEIC"),
        (png_header(20_000, 20_000), 413, "megapixels"),
        (b"\x89PNG\r\n\x1a\n", 415, "header"),
        (png_header(100, 100) + b"\0" * 40, 422, ""),
        (b"\xff\xd8\xff" + bytes(200), 415, "header"),
    ],
    ids=["nothing", "program", "svg", "heic", "bomb", "cut off", "damaged", "garbage"],
)
def test_13_what_is_no_picture_is_refused_in_words(site: Site, content: bytes, status: int, words: str) -> None:
    answer = sent(site, "cell", ("x.png", content))
    assert answer.status_code in (status, 415, 422), answer.text
    assert words in answer.json()["error"] or answer.status_code != status
    assert not list((site.options.folder / "uploads").glob("*/x*"))


def test_13_too_much_is_refused_while_it_comes(site: Site) -> None:
    assert sent(site, "cell", ("x.png", png_header(10, 10) + bytes(25 << 20))).status_code == 413


def test_a_name_is_no_path(site: Site) -> None:
    with site.client(Role.VIEWER) as phone:
        for name in ("...", "%2e%2e%2fx", "a.b", "nothing-here"):
            assert phone.get(f"/pictures/{name}").status_code in (404, 400)


def test_pictures_are_forgotten_in_time(tmp_path: Path) -> None:
    judge = PictureJobs(tmp_path, 60.0, 40)
    old, new = tmp_path / "old", tmp_path / "new"
    for place in (old, new):
        place.mkdir()
        (place / "0.png").write_bytes(b"x")
    os.utime(old, (time.time() - 61, time.time() - 61))
    judge.forget_old()
    assert [place.name for place in tmp_path.iterdir()] == ["new"]


def test_the_page_fits_a_phone(site: Site, open_page, field: Path) -> None:
    page = open_page(site, "/pictures", width=390)
    page.set_input_files("#pictures", str(field))
    page.wait_for_selector("#kind-field:checked")
    with page.expect_navigation():
        page.click("main form button.btn-primary")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("section.card").count() == 1
    assert page.complaints == []
