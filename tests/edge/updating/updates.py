"""Wheels of this program in several versions, a key, and an environment of its own that pip has installed one in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


def build_wheel(version: str, folder: Path, change: dict[str, str] | None = None) -> Path:
    """A real wheel of this tree under another version; `change`: file → text that is appended to it."""
    tree = folder / f"tree-{version}"
    for name in ("edge", "convert", "training"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / name, tree / name)
    about = tree / "edge/hemato_edge/about.py"
    lines = about.read_text().splitlines()
    about.write_text("\n".join(f'__version__ = "{version}"' if "__version__ =" in one else one for one in lines) + "\n")
    for name, text in (change or {}).items():
        with (tree / name).open("a") as file:
            file.write(text)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tree)
    return next(folder.glob(f"hemato_edge-{version}-*.whl"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment; what the program needs it takes from the one that the tests run in."""

    place: Path

    @property
    def python(self) -> Path:
        return self.place / "bin/python"

    @property
    def site_packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.place), "platbase": str(self.place)}))

    def run(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The console script of the environment, as a person types it."""
        script = self.place / "bin/hemato-edge"
        return self._ended([str(script), *map(str, arguments)], code)

    def python_ends(self, program: str, code: int) -> subprocess.CompletedProcess[str]:
        return self._ended([str(self.python), "-c", program], code)

    def version(self) -> str:
        return self.run("--version").stdout.split()[-1]

    def _ended(self, command: list[str], code: int) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEMATO_EDGE_", "PYTHON"))}
        home = {"HOME": str(self.place), "XDG_CONFIG_HOME": str(self.place)}
        done = subprocess.run(command, env=kept | home, cwd=self.place, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


def make_environment(place: Path, wheel: Path) -> Environment:
    """An environment with this wheel, installed by pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    found = Environment(place)
    (found.site_packages / "what-it-needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command = [str(found.python), "-m", "pip", "install", "--no-index", "--no-deps", "--quiet", str(wheel)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(command, check=True, env=kept)
    return found
