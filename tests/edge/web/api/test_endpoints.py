"""The API: its document is valid, its answers fit the document, and they are what the command line says."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from sites import PATIENCE_S, Site, serving
from typer.testing import CliRunner

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cli.main import app
from hemato_edge.store.reader import Reader
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.json_document import as_json
from hemato_edge.web.api.endpoints import BASE, ENDPOINTS, MOST_CELLS
from hemato_edge.web.api.openapi import openapi
from hemato_edge.web.security.access import Role, WebError
from hemato_edge.web.services import PageOptions

DOCUMENT = openapi(ENDPOINTS)
FILLED = {"session": "2", "field": "0", "number": "0"}


@pytest.fixture(scope="module")
def program(site: Site):
    """A program with a viewer's token in its header, and no cookie."""
    import httpx

    headers = {"authorization": f"Bearer {site.token(Role.VIEWER)}"}
    with httpx.Client(base_url=site.address + BASE, headers=headers, timeout=60) as client:
        yield client


def fits(answer: Any, path: str, method: str = "get", status: str = "200") -> list[str]:
    """What of an answer is not as the document says."""
    content = DOCUMENT["paths"][path][method]["responses"][status]["content"]["application/json"]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(answer)]


def test_the_document_is_valid_openapi_and_the_server_tells_it(program) -> None:
    validate(DOCUMENT)
    assert program.get("/openapi.json").json() == DOCUMENT
    assert DOCUMENT["info"]["description"] == RESEARCH_USE_NOTICE
    names = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))


def test_the_document_forbids_what_is_not_so() -> None:
    path = f"{BASE}/sessions"
    assert fits({"sessions": [{"id": "one"}], "more": None, "notice": ""}, path)


@pytest.mark.parametrize(
    "one", [one for one in ENDPOINTS if one.answer and one.page.method == "GET"], ids=lambda one: one.page.path
)
def test_every_answer_fits_the_document(program, one) -> None:
    path = re.sub(r"\{(\w+)\}", lambda found: FILLED[found[1]], one.page.path)
    answer = program.get(path.removeprefix(BASE))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert fits(told, one.page.path) == []
    assert one.page.path == f"{BASE}/sessions/{{session}}" or told["notice"] == RESEARCH_USE_NOTICE


def test_sessions_reports_and_cells_are_those_of_the_store(site: Site, program) -> None:
    told = program.get("/sessions").json()
    assert [one["id"] for one in told["sessions"]] == [2, 1]
    assert told["sessions"][0]["counts"]["neutrophil"] == 30
    assert [one["id"] for one in program.get("/sessions", params={"before": 2}).json()["sessions"]] == [1]
    with Reader(site.options.database) as reader:
        assert program.get("/sessions/1/report").json() == json.loads(as_json(build_report(reader, 1)))
        counted = list(reader.counted(2))
    cells = program.get("/sessions/2/cells").json()["cells"]
    assert [(one["field"], one["cell"], one["name"]) for one in cells] == [(c.field, c.number, c.name) for c in counted]
    doubtful = program.get("/sessions/2/cells", params={"name": "unclassified"}).json()["cells"]
    assert len(doubtful) == 2
    assert program.get("/sessions/2/cells", params={"skip": len(counted) - 1}).json()["cells"] == cells[-1:]
    assert len(cells) < MOST_CELLS
    assert program.get("/sessions/2/cells/0/0/picture").content[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sessions/99", 404),
        ("/sessions/0", 404),
        ("/sessions/x/report", 400),
        ("/sessions/2/cells?name=lizard", 400),
        ("/sessions/2/cells?skip=-1", 400),
        ("/sessions/2/cells/0/9999/picture", 404),
    ],
)
def test_what_is_not_there_is_said_as_the_document_says(program, path: str, status: int) -> None:
    answer = program.get(path)
    assert answer.status_code == status
    assert fits(answer.json(), f"{BASE}/sessions/{{session}}/cells", status="404") == []


def test_without_a_token_or_with_too_small_a_role_nothing_is_told(site: Site, program) -> None:
    with site.client() as nobody:
        assert nobody.get(f"{BASE}/sessions").status_code == 401
        assert nobody.get(f"{BASE}/openapi.json", headers={"authorization": "Bearer x"}).status_code == 401
    assert program.post("/pictures", files={"pictures": ("x.png", b"x")}).status_code == 403


def test_a_cell_is_classified_for_a_program(site: Site) -> None:
    content = cv2.imencode(".png", draw_field(3)[0][90:230, 380:520])[1].tobytes()
    with site.client(Role.COUNTER) as unused:
        headers = {"authorization": f"Bearer {site.token(Role.COUNTER)}"}
        unused.cookies.clear()
        answer = unused.post(
            f"{BASE}/pictures", data={"kind": "cell"}, files={"pictures": ("c.png", content)}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        refused = unused.post(f"{BASE}/pictures", files={"pictures": ("c.png", b"no picture")}, headers=headers)
    assert fits(told, f"{BASE}/pictures", "post") == []
    assert told["pictures"][0]["answer"]["label"] == "neutrophil"
    assert abs(sum(told["pictures"][0]["answer"]["probabilities"].values()) - 1) < 0.01
    assert refused.status_code == 415
    assert fits(refused.json(), f"{BASE}/pictures", "post", "415") == []


def test_before_the_first_session_the_list_is_empty(tmp_path) -> None:
    options = PageOptions(tmp_path / "none.db", tmp_path / "door.sock", tmp_path / "web")
    with serving(options) as fresh, fresh.client(Role.VIEWER) as program:
        assert program.get(f"{BASE}/sessions").json()["sessions"] == []
        assert program.get(f"{BASE}/run").json()["phase"] == "shut"


GUIDE = Path(__file__).parents[4] / "docs" / "guide" / "api.md"


def guide_blocks(language: str, word: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in found if word in block]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_what_the_guide_shows_with_curl_works(site: Site, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "cell1.png"), draw_field(3)[0][90:230, 380:520])
    (block,) = guide_blocks("sh", "curl")
    done = run(["bash", "-e", "-u", "-c", block], site, tmp_path)
    assert done.returncode == 0, done.stderr
    lists, report, cells, pictures = done.stdout.replace("}{", "}\n{").splitlines()
    assert [one["id"] for one in json.loads(lists)["sessions"]] == [2, 1]
    assert json.loads(report)["session"]["id"] == 1
    assert {one["name"] for one in json.loads(cells)["cells"]} == {"unclassified"}
    assert json.loads(pictures)["pictures"][0]["answer"]["label"] == "neutrophil"


def test_what_the_guide_shows_with_python_works(site: Site, tmp_path: Path) -> None:
    (block,) = guide_blocks("python", "urllib")
    done = run([sys.executable, "-c", block], site, tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert "'neutrophil'" in done.stdout


def test_the_guide_lists_every_address_with_its_role() -> None:
    rows = re.findall(r"^\| `(GET|POST) (\S+)` \| (\w+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted((one.page.method, one.page.path, one.page.role.word) for one in ENDPOINTS)


def run(command: list[str], site: Site, folder: Path) -> subprocess.CompletedProcess[str]:
    """A program of the guide, with the page's address and a token as its first block sets them."""
    environment = {**os.environ, "PAGE": site.address, "TOKEN": site.token(Role.COUNTER)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def test_a_token_from_the_command_line_is_one_that_the_page_takes(site: Site, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[web]\nfolder = "{site.options.folder}"\n')
    made = CliRunner().invoke(app, ["web", "token", "lab", "--role", "reviewer", "--config", str(config), "--json"])
    assert made.exit_code == 0, made.output
    token = json.loads(made.stdout)["token"]
    with site.client() as program:
        answer = program.get(f"{BASE}/sessions", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert token not in "".join(path.read_text() for path in site.options.folder.glob("*.json"))


def test_the_page_is_asked_whether_it_is_alive(site: Site, tmp_path: Path) -> None:
    config, port = tmp_path / "config.toml", int(site.address.rpartition(":")[2])
    config.write_text(f"[web]\nport = {port}\n")
    assert CliRunner().invoke(app, ["web", "alive", "--config", str(config)]).exit_code == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        silent = CliRunner().invoke(
            app, ["web", "alive", "--config", str(config), "--port", str(free.getsockname()[1])]
        )
    assert isinstance(silent.exception, WebError)
