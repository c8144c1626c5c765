"""Small distributions of other people, really built and installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import DEADLINE_S

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds and installs one of the packages in this folder; returns the folder that it then is in."""
    done: dict[str, Path] = {}

    def install(package: str) -> Path:
        if package not in done:
            target = tmp_path_factory.mktemp(package)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
            command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
            subprocess.run([*command, str(HERE / package)], check=True, timeout=DEADLINE_S)
            done[package] = target
        return done[package]

    return install


@pytest.fixture
def python_with(installed: Callable[[str], Path], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python in a process of its own, with one of the packages installed beside this program."""

    def python(package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
            env={**os.environ, **places, "PYTHONPATH": str(installed(package))},
        )

    return python
