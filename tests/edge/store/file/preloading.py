"""The library that stands for a failing disk, compiled once for each test that asks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def failing_disk(folder: Path) -> Path:
    """`failing_disk.c`, to be preloaded; the test skips where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    made = folder / "failing.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"], check=True)
    return made
