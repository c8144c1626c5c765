"""What the console script settles before the program is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from waiting import DEADLINE_S

from hemato_edge.cli.main import INTERRUPTED

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


COLLECTING = """
import atexit, gc, sys
class Watching:
    def find_spec(self, name, path=None, target=None):
        if name in ("typer", "numpy", "cv2"):
            print(name, gc.isenabled())
sys.meta_path.insert(0, Watching())
atexit.register(lambda: print("end", gc.isenabled(), gc.get_freeze_count() > 10_000))
sys.argv = ["hemato-edge", *sys.argv[1:]]
from hemato_edge.cli.entry import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["config", "show"], ["typer False"]),
        (["run", "--camera", "demo", "--max-frames", "2"], ["typer False", "numpy False", "cv2 False"]),
    ],
)
def test_garbage_is_looked_for_only_when_modules_are_loaded(
    tmp_path: Path, arguments: list[str], loaded: list[str]
) -> None:
    command = [sys.executable, "-c", COLLECTING, *arguments]
    kept = {**os.environ, "HEMATO_EDGE_STORE__PATH": str(tmp_path / "x.db")}
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert list(dict.fromkeys(line for line in said if line.startswith(("typer ", "numpy ", "cv2 ")))) == loaded
    assert said[-1] == "end True True"


CUT_OFF = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name.endswith(os.environ["CUT_OFF_AT"]):
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from hemato_edge.cli.entry import main
main()
"""


@pytest.mark.parametrize("module", ["hemato_edge.cli.main", "typer", "core.multiarray", "numpy", "cv2"])
def test_ctrl_c_while_a_module_is_loaded_ends_it_without_a_traceback(module: str, tmp_path: Path) -> None:
    """OpenCV's extension, cut off while it loads NumPy, prints one itself."""
    noise = np.random.default_rng(1)
    for number in range(20):  # some seconds of work
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise.integers(0, 256, (480, 640, 3), np.uint8))
    command = [sys.executable, "-c", CUT_OFF, "analyze", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "CUT_OFF_AT": module}, capture_output=True, text=True)
    assert done.returncode == INTERRUPTED
    assert "Traceback" not in done.stderr


INTERRUPTED_MODULE = """
import os, signal, sys
from hemato_edge.cli.entry import interrupt
signal.signal(signal.SIGINT, interrupt)
try:
    import cut
    while True:
        signal.pause()
except KeyboardInterrupt:
    print("loaded" if getattr(sys.modules.get("cut"), "whole", False) else "half loaded")
"""


def test_ctrl_c_while_a_module_is_loaded_comes_when_it_is_whole(tmp_path: Path) -> None:
    body = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhole = True\n"
    (tmp_path / "cut.py").write_text(body)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", INTERRUPTED_MODULE]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert (done.stdout, done.stderr) == ("loaded\n", "")


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "hemato_edge", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hemato-edge ")
