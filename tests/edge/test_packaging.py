"""The dependency bounds resolve to a working set where people are: Bookworm, JetPack, Trixie, on 64-bit Arm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.version import Version

from hemato_edge.settings.sources import tomllib

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
asks_the_index = pytest.mark.slow
"""pip resolves against the package index: the network decides how long that takes, and whether it works at all."""
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


def wanted(python: str, extra: str = "") -> list[str]:
    """Our requirements on an aarch64 machine with that Python.

    pip evaluates markers for the Python it runs on, so they are evaluated here, for the one that is asked about.
    """
    environment = {**default_environment(), "python_version": python, "platform_machine": "aarch64", "extra": extra}
    lines = PROJECT["dependencies"] + PROJECT["optional-dependencies"].get(extra, [])
    requirements = [Requirement(line) for line in lines]
    return [f"{r.name}{r.specifier}" for r in requirements if r.marker is None or r.marker.evaluate(environment)]


def resolve(python: str, *requirements: str, platforms: tuple[str, ...] = PLATFORMS) -> dict[str, Version]:
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--report", "-"]
    command += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", "--target", "unused"]
    for platform in platforms:
        command += ["--platform", platform]
    done = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False)
    if "ConnectionError" in done.stderr or "name resolution" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    installed = json.loads(done.stdout)["install"]
    return {i["metadata"]["name"].lower(): Version(i["metadata"]["version"]) for i in installed}


@asks_the_index
@pytest.mark.parametrize("python", ["3.10", "3.11"])
def test_where_apt_packages_were_built_against_numpy_1_numpy_2_is_not_dragged_in(python: str) -> None:
    found = resolve(python, *wanted(python))
    assert found["numpy"] < Version("2")
    assert found["opencv-python-headless"] < Version("4.12")
    assert "ai-edge-litert" in found
    assert "opencv-python" not in found


@asks_the_index
def test_trixie_gets_numpy_2() -> None:
    found = resolve("3.13", *wanted("3.13"))
    assert found["numpy"] >= Version("2")
    assert found["opencv-python-headless"] >= Version("4.12")


@asks_the_index
def test_bookworms_own_numpy_satisfies_the_bounds() -> None:
    found = resolve("3.11", *wanted("3.11"), "numpy==1.24.2")
    assert found["numpy"] == Version("1.24.2")


@asks_the_index
@pytest.mark.parametrize("python", ["3.10", "3.11"])
def test_the_older_runtime_comes_with_a_numpy_it_works_with(python: str) -> None:
    found = resolve(python, *wanted(python, "tflite"), platforms=(*PLATFORMS, "manylinux_2_34_aarch64"))
    assert found["tflite-runtime"] == Version("2.14.0")
    assert found["numpy"] < Version("2")


def test_the_older_runtime_is_not_asked_for_where_it_has_no_wheel() -> None:
    assert not any(r.startswith("tflite-runtime") for r in wanted("3.13", "tflite"))


def test_the_device_needs_neither_tensorflow_nor_picamera2() -> None:
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not names & {"tensorflow", "keras", "picamera2", "opencv-python", "tflite-runtime"}
