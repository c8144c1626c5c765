"""Real updates of a real environment: used, refused, cut off at each step, and taken back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from archived import stricter_model
from updates import Environment, build_wheel, make_environment

from hemato_edge.models.keys import make_signing_key, trust
from hemato_edge.updating.making import make_update

pytest.importorskip("cryptography", reason="cryptography is not installed")
pytest.importorskip("hatchling", reason="hatchling is not installed")
pytestmark = pytest.mark.slow

OLD, NEW, NEWER = "0.2.0", "0.3.0", "0.3.1"
STEPS = (
    *(
        "unpack",
        "install beside the one in use",
        "try: version",
        "try: golden check",
        "try: settings",
        "try: first run",
    ),
    "use the new version",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels, a key, the folder of trusted ones, and updates."""
    folder = tmp_path_factory.mktemp("made")
    make_signing_key(folder / "key")
    trust(folder / "key.pub", folder / "trusted")
    broken = {"edge/hemato_edge/pipeline/field.py": "\nraise ImportError('not finished')\n"}
    later = {"edge/hemato_edge/about.py": "\nLATER = True\n"}
    build_wheel(OLD, folder)
    build_wheel(NEW, folder, later)
    build_wheel(NEWER, folder, broken)
    for version in (OLD, NEW, NEWER):
        make_update(folder / f"{version}.update", [wheel(folder, version)], [], "", folder / "key")
    model = stricter_model(folder / "stricter.tflite")
    make_update(folder / "model.update", [wheel(folder, NEW)], [model], "a new model", folder / "key")
    return folder


def wheel(folder: Path, version: str) -> Path:
    return next(folder.glob(f"hemato_edge-{version}-*.whl"))


@pytest.fixture(scope="module")
def fresh(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory.mktemp("fresh") / "env", wheel(made, OLD))


@pytest.fixture
def environment(fresh: Environment) -> Environment:
    """The old version is in use, and nothing else is there."""
    shutil.rmtree(fresh.site_packages / "hemato-edge-releases", ignore_errors=True)
    (fresh.site_packages / "hemato-edge.pth").unlink(missing_ok=True)
    return fresh


def status(environment: Environment) -> tuple[str, str | None, bool]:
    said = json.loads(environment.run("update", "status", "--json").stdout)
    return said["version"], said["previous"], said["complete"]


def test_forward_and_back_and_forward(environment: Environment, made: Path) -> None:
    keys = ("--keys", made / "trusted")
    assert status(environment) == (OLD, None, True)
    done = environment.run("update", made / f"{NEW}.update", *keys)
    assert "version 0.3.0 is in use, 0.2.0 before" in done.stdout
    assert [line for line in done.stderr.splitlines() if line in STEPS] == list(STEPS)
    assert (environment.version(), status(environment)) == (NEW, (NEW, OLD, True))
    assert "is in use already" in environment.run("update", made / f"{NEW}.update", *keys).stdout
    older = environment.run("update", made / f"{OLD}.update", *keys, code=15)
    assert "older than 0.3.0" in older.stderr
    assert "--force" in older.stderr
    environment.run("update", "rollback")
    assert (environment.version(), status(environment)) == (OLD, (OLD, NEW, True))
    environment.run("update", "rollback")
    assert environment.version() == NEW
    environment.run("update", "--force", made / f"{OLD}.update", *keys)
    assert status(environment) == (OLD, NEW, True)


def test_what_fails_its_trial_is_never_used(environment: Environment, made: Path) -> None:
    done = environment.run("update", made / f"{NEWER}.update", "--keys", made / "trusted", code=15)
    assert "The new version fails at `run --camera`: " in done.stderr
    assert status(environment) == (OLD, None, True)
    assert environment.run("model", "verify").stdout.startswith("good")
    left = [place for place in (environment.site_packages / "hemato-edge-releases").iterdir() if place.is_dir()]
    assert left == []


def test_a_model_comes_with_it_and_is_checked(environment: Environment, made: Path) -> None:
    before = json.loads(environment.run("model", "info", "--json").stdout)["card"]["name"]
    assert "signed by" in environment.run("update", made / "model.update", "--keys", made / "trusted").stdout
    assert json.loads(environment.run("model", "info", "--json").stdout)["card"]["name"] == "stricter" != before
    assert "good" in environment.run("model", "verify").stdout
    environment.run("update", "rollback")
    assert json.loads(environment.run("model", "info", "--json").stdout)["card"]["name"] == before


def test_who_uses_pip_afterwards_gets_what_pip_installed(environment: Environment, made: Path, tmp_path: Path) -> None:
    own = tmp_path / "env"
    again = make_environment(own, wheel(made, OLD))
    again.run("update", made / f"{NEW}.update", "--keys", made / "trusted")
    assert again.version() == NEW
    program = "import runpy, sys; sys.argv = ['pip', *sys.argv[1:]]; runpy.run_module('pip', run_name='__main__')"
    command = [str(again.python), "-c", program, "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run(
        [*command, "--force-reinstall", str(_renamed(made, tmp_path))], check=True, env={"HOME": str(tmp_path)}
    )
    assert again.version() == "0.2.5"


def _renamed(made: Path, folder: Path) -> Path:
    return build_wheel("0.2.5", folder)


CUT = """
import os, signal, sys
from pathlib import Path
from hemato_edge.updating.applying import apply
from hemato_edge.updating.package import read_package
from hemato_edge.updating.releases import Releases
def step(name):
    if name == {name!r}:
        os.kill(os.getpid(), signal.SIGKILL)
def restart():
    step("start the service")
    return {failure!r}
class Cut(Releases):
    def note(self, state):
        step("note")
        super().note(state)
update = read_package(Path({file!r}), Path({trusted!r}))
apply(update, Cut(), restart=restart, tell=step)
"""


@pytest.mark.parametrize("name", [*STEPS[:2], *STEPS[-2:], "note", "start the service"])
def test_an_end_at_any_step_leaves_one_version_whole_and_the_same_call_goes_on(
    environment: Environment, made: Path, name: str
) -> None:
    file = made / f"{NEW}.update"
    program = CUT.format(name=name, failure=None, file=str(file), trusted=str(made / "trusted"))
    environment.python_ends(program, -9)
    expected = (NEW, OLD, False) if name in ("note", "start the service") else (OLD, None, True)
    assert status(environment) == expected
    assert environment.run("model", "verify").stdout.startswith("good")
    environment.run("update", file, "--keys", made / "trusted")
    assert status(environment) == (NEW, OLD, True)
    names = {place.name for place in (environment.site_packages / "hemato-edge-releases").iterdir() if place.is_dir()}
    assert len(names) == 1


def test_a_service_that_does_not_start_brings_the_old_version_back(environment: Environment, made: Path) -> None:
    program = CUT.format(name="", failure="no camera", file=str(made / f"{NEW}.update"), trusted=str(made / "trusted"))
    done = environment.python_ends(program, 1)
    assert "UpdateError: Neither 0.3.0 nor the old version starts" in done.stderr
    assert status(environment) == (OLD, None, True)
