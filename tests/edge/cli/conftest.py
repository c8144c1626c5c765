"""The program as a person starts it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from waiting import DEADLINE_S

from hemato_edge.cameras.demo.slide import draw_field

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run `hemato-edge ARGUMENTS…` in an empty folder and home; the result has returncode, stdout and stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    environment |= {"HOME": str(tmp_path), "COLUMNS": "200"}

    def run(*arguments: object, timeout_s: float = DEADLINE_S, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hemato_edge.cli.main", *(str(a) for a in arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            cwd=tmp_path,
            env=environment | variables,
        )

    return run


@pytest.fixture(scope="session")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three drawn fields."""
    folder = tmp_path_factory.mktemp("fields")
    for seed in (1, 2, 3):
        cv2.imwrite(str(folder / f"field{seed}.png"), draw_field(seed)[0])
    return folder
