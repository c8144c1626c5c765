"""The container's recipe: what it copies is there, it runs as nobody, and its health check asks what it starts."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ports import own_port
from processes import process
from sites import until

from hemato_edge.settings import Settings

ROOT = Path(__file__).parents[3]
RECIPE = [
    line.split(maxsplit=1)
    for line in (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]


def arguments(instruction: str) -> list[str]:
    return [rest for word, rest in RECIPE if word == instruction]


def command(instruction: str) -> list[str]:
    (found,) = arguments(instruction)
    return list(json.loads(found[found.index("[") :]))


def test_it_is_made_of_instructions_that_builders_know() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {word for word, _ in RECIPE} <= known
    assert RECIPE[0][0] == "FROM"


def test_what_it_copies_is_there_and_is_not_ignored() -> None:
    allowed = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    for line in arguments("COPY"):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source}" in allowed


def test_it_runs_as_nobody_on_the_page_s_own_port() -> None:
    words = [word for word, _ in RECIPE]
    (user,) = arguments("USER")
    assert int(user) > 0
    assert words.index("USER") < words.index("CMD")
    assert not any(line.startswith("RUN") for line in words[words.index("USER") :])
    assert arguments("EXPOSE") == [str(Settings().web.port)]


def environment(folder: Path, port: int) -> dict[str, str]:
    """What the recipe sets, with `folder` for /data and a free port."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    told = dict(one.split("=", 1) for line in arguments("ENV") for one in shlex.split(line))
    return plain | {k: v.replace("/data", str(folder)) for k, v in told.items()} | {"HEMATO_EDGE_WEB__PORT": str(port)}


def starts_and_is_healthy(program: str, folder: Path, port: int) -> None:
    """Runs the recipe's command, asks its health check until it is content, and ends it."""
    told = environment(folder, port)
    start, check = ([*shlex.split(program), *command(name)[1:]] for name in ("CMD", "HEALTHCHECK"))
    with process(start, env=told, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as page:

        def healthy() -> bool:
            assert page.poll() is None, page.stdout.read() if page.stdout else ""
            return subprocess.run(check, env=told, cwd=folder, capture_output=True, check=False).returncode == 0

        until(healthy, "a healthy page")
    assert subprocess.run(check, env=told, cwd=folder, capture_output=True, check=False).returncode != 0


def test_what_it_starts_is_healthy(tmp_path: Path) -> None:
    starts_and_is_healthy(f"{sys.executable} -m hemato_edge.cli.main", tmp_path, own_port())


@pytest.mark.slow
def test_its_steps_work_in_a_bare_environment(tmp_path: Path) -> None:
    """The recipe's own copies and its own pip line, in a virtual environment instead of an image."""
    build, data = tmp_path / "build", tmp_path / "data"
    build.mkdir()
    data.mkdir()
    for line in arguments("COPY"):
        for source in line.split()[:-1]:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, build / source, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, build / source)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    (step,) = [line for line in arguments("RUN") if line.startswith("pip install")]
    pip = re.sub(r" && rm .*", "", step).replace("pip ", f"{tmp_path}/venv/bin/python -m pip ", 1)
    done = subprocess.run(["sh", "-c", pip], cwd=build, capture_output=True, text=True, check=False)
    if "Could not find a version" in done.stderr or "Temporary failure" in done.stderr:
        pytest.skip("no package index is reached")
    assert done.returncode == 0, done.stderr[-2000:]
    shutil.rmtree(build)
    starts_and_is_healthy(f"{tmp_path}/venv/bin/hemato-edge", data, own_port())
