"""The import rules of the house."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from layout import circles, floor_map, floor_of, imports_of, modules

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "edge" / "hemato_edge"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_go_downwards_only(module: str) -> None:
    here = floor_of(module)
    above = {name for name in imports_of(module) if floor_of(name) < here}
    assert not above, f"{module} imports from a higher floor"


def test_nothing_is_imported_in_a_circle() -> None:
    assert circles() == []


def test_the_device_imports_nothing_of_the_workstation() -> None:
    for module in modules():
        if module.startswith("hemato_edge"):
            assert not {name for name in imports_of(module) if name.startswith(("hemato_training", "hemato_convert"))}


def test_the_map_of_the_floors_is_current() -> None:
    kept = (ROOT / "docs" / "develop" / "layout.md").read_text(encoding="utf-8")
    assert kept == floor_map(), "python tests/layout.py > docs/develop/layout.md"


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
