"""The import rules of the house."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "edge" / "hemato_edge"
MODULES = sorted(PACKAGE.rglob("*.py"))
FLOORS = [
    {"cli"},
    {"bench"},
    {"pipeline"},
    {"calibration"},
    {"vision", "views", "doctor"},
    {"outlets"},
    {"counting", "cameras", "service"},
    {"models", "store", "settings", "device"},
    {"values"},
    {"errors", "labels", "journal"},
]
"""From the roof down: a module may import from its own floor and those below."""


def floor_of(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[0] in ("__init__",):
        return
    here = floor_of(parts[0])
    for name in imports_of(path):
        if not name.startswith("hemato_edge."):
            continue
        room = name.split(".")[1]
        if room in ("__version__", "RESEARCH_USE_NOTICE"):
            continue
        assert floor_of(room) >= here, f"{parts} imports {name} from a higher floor"


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_device_package_never_imports_tensorflow() -> None:
    names = [
        "hemato_edge." + ".".join(p.relative_to(PACKAGE).with_suffix("").parts)
        for p in MODULES
        if p.name != "__init__.py"
    ]
    loaded = run_python(
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'sklearn', 'skimage', "
        "'matplotlib', 'picamera2', 'hemato_training', 'hemato_convert'}))"
    )
    assert loaded == "[]"


HEAVY = "{'numpy', 'cv2', 'ai_edge_litert', 'tflite_runtime', 'tensorflow', 'pydantic', 'rich', 'sqlite3', 'tomlkit'}"


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = run_python(
        f"import sys, hemato_edge.cli.main\nprint(sorted({{m.split('.')[0] for m in sys.modules}} & {HEAVY}))"
    )
    assert loaded == "[]"


def test_the_help_loads_nothing_heavy() -> None:
    loaded = run_python(
        "import contextlib, io, sys\nfrom hemato_edge.cli.main import app\n"
        "sys.argv = ['hemato-edge', '--help']\n"
        "text = io.StringIO()\n"
        "with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit): app()\n"
        "assert 'Usage' in text.getvalue()\n"
        f"print(sorted({{m.split('.')[0] for m in sys.modules}} & {HEAVY}))"
    )
    assert loaded == "[]"
