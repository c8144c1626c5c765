"""Everything that the documentation shows to type is run here, or says what it needs and is checked word by word."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from recorded import record
from snippets import LANGUAGES, Block, blocks, commands, pages, trouble
from waiting import DEADLINE_S

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.settings import resolve

BLOCKS = [block for page in pages() for block in blocks(page)]
RUN = sorted({block.page for block in BLOCKS if block.language == "sh" and block.needs is None})


def named(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a recorded session, and pictures of fields and cells in the folder of work."""
    folder = tmp_path_factory.mktemp("documentation")
    (folder / "work" / "fields").mkdir(parents=True)
    database = folder / "home" / ".local" / "share" / "hemato-edge" / "hemato-edge.db"
    database.parent.mkdir(parents=True)
    record(database, ["neutrophil"] * 8 + ["lymphocyte"] * 4 + ["monocyte", "unclassified"], pictures=True)
    camera = DemoCamera(1, still=True)
    camera.open()
    field = camera.read().image
    for name in ("field.png", "cell1.png", "cell2.png", "fields/1.png", "fields/2.png"):
        cv2.imwrite(str(folder / "work" / name), field)
    (folder / "bin").mkdir()
    program = folder / "bin" / "hemato-edge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hemato_edge.cli.main "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", RUN)
def test_what_a_page_shows_works(page: str, prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared / "home", tmp_path / "home")
    shutil.copytree(prepared / "work", tmp_path / "work")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    environment |= {"HOME": str(tmp_path / "home"), "PATH": f"{prepared / 'bin'}:{os.environ['PATH']}"}
    for block in (block for block in BLOCKS if block.page == page and block.language == "sh" and block.needs is None):
        done = subprocess.run(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", block.text],
            cwd=tmp_path / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )
        assert done.returncode == 0, f"{named(block)}\n{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "sh"], ids=named)
def test_every_command_and_option_is_there(block: Block) -> None:
    troubles = {" ".join(words): trouble(words) for words in commands(block.text)}
    assert {line: what for line, what in troubles.items() if what} == {}


INLINE = [
    (page.name, found)
    for page in pages()
    for found in re.findall(r"`(hemato-edge [^`]+)`", page.read_text(encoding="utf-8"))
    if page.name != "cli.md" and "…" not in found and "|" not in found
]


@pytest.mark.parametrize(("page", "command"), sorted(set(INLINE)))
def test_commands_that_the_text_mentions_are_there(page: str, command: str) -> None:
    for words in commands(command):
        assert trouble(words) is None


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "toml"], ids=named)
def test_settings_that_a_page_shows_are_valid(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HEMATO_EDGE_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "config.toml"
    file.write_text(block.text, encoding="utf-8")
    resolve(file)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=named)
def test_documents_that_a_page_shows_are_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python" and b.needs is None], ids=named)
def test_programs_that_a_page_shows_run(block: Block, prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared / "work", tmp_path / "work")
    command = [sys.executable, "-c", block.text]
    environment = {**os.environ, "HOME": str(prepared / "home")}
    done = subprocess.run(command, cwd=tmp_path / "work", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{named(block)}\n{done.stderr}"


def test_every_block_says_its_language() -> None:
    assert [named(block) for block in BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("hemato-edge runn --camera 0", "no command runn"),
        ("hemato-edge run --kamera 0", "no option --kamera"),
        ("sudo hemato-edge service instal", "no command instal"),
        ("make tost", "no target tost"),
        ("python benchmarks/none.py", "no script"),
        ("python benchmarks/soak.py --hours 3", "benchmarks/soak.py: no --hours"),
        ("A=1 hemato-edge run --camera demo > out.txt  # --nothing", None),
    ],
)
def test_what_is_not_there_is_found(command: str, said: str | None) -> None:
    (words,) = commands(command)
    assert trouble(words) == said
