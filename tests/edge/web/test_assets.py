"""What the page is made of: light imports, scripts that parse, one style sheet of somebody else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from sites import Site

from hemato_edge.labels import BY_NAME
from hemato_edge.web.assets import Assets, bootstrap
from hemato_edge.web.security.access import Role

STATIC = Path(str(files("hemato_edge.web") / "static"))
SCRIPTS = sorted(STATIC.glob("*.js"))
LARGEST_SCRIPTS = 60_000
"""Bytes of all our own modules together: a phone on a poor network loads them once."""


def test_the_page_loads_no_camera_no_model_and_no_picture_library() -> None:
    code = (
        "import sys, hemato_edge.web.app, hemato_edge.web.serving\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'cv2', 'numpy', 'ai_edge_litert', 'tflite_runtime', 'tensorflow', 'PIL', 'rich', 'typer'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_our_scripts_parse(script: Path, tmp_path: Path) -> None:
    module = tmp_path / f"{script.stem}.mjs"
    module.write_bytes(script.read_bytes())
    done = subprocess.run(["node", "--check", str(module)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_our_scripts_are_small_and_load_nothing_from_elsewhere() -> None:
    texts = [script.read_text(encoding="utf-8") for script in SCRIPTS]
    assert sum(map(len, texts)) < LARGEST_SCRIPTS
    assert not any("https://" in text for text in texts)


def test_bootstrap_is_the_released_file() -> None:
    assert b"Bootstrap  v5.3.8" in bootstrap()[:200]


def test_each_class_has_its_colours_on_both_grounds(site: Site) -> None:
    with site.client() as client:
        sheet = client.get(Assets().address("classes.css"))
    assert sheet.status_code == 200
    assert "immutable" in sheet.headers["cache-control"]
    for one in BY_NAME.values():
        assert f".c-{one.name} {{ --cell: {one.colour}; }}" in sheet.text
        assert one.colour_on_dark in sheet.text


def test_another_version_or_name_is_not_there(site: Site) -> None:
    with site.client(Role.KEEPER) as client:
        for path in ("/static/old/page.css", "/static/x/..%2f..%2fapp.py", f"{Assets().address('page.css')}x"):
            assert client.get(path).status_code == 404
