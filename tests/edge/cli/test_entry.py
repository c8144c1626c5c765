"""What the console script settles before the program is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os, sys
atexit.register(lambda: print("threads", os.environ["OPENBLAS_NUM_THREADS"]))
sys.argv = ["hemato-edge", "--version"]
from hemato_edge.cli.entry import main
assert "numpy" not in sys.modules
main()
"""


@pytest.mark.parametrize(("given", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_linear_algebra_has_one_thread_unless_told_otherwise(given: dict[str, str], threads: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=kept | given, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"threads {threads}"
