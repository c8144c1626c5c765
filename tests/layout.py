"""The floors of the project: which part may import which, read from the code itself.

`python tests/layout.py > docs/develop/layout.md` draws the map of the documentation anew; a test holds it current.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {"hemato_edge": "edge", "hemato_convert": "convert", "hemato_training": "training"}
BENCHMARKS = "benchmarks"
FLOORS: tuple[tuple[str, ...], ...] = (
    (BENCHMARKS,),
    ("hemato_training.cli",),
    ("hemato_convert",),
    ("hemato_training.report",),
    ("hemato_training.explain",),
    ("hemato_training.evaluate",),
    ("hemato_training.attributes",),
    ("hemato_training.classify", "hemato_training.locate", "hemato_training.red_cells"),
    ("hemato_training.metrics",),
    ("hemato_training.runs",),
    ("hemato_training.networks", "hemato_training.augment"),
    ("hemato_training.data",),
    ("hemato_training.progress",),
    ("hemato_edge.cli", "hemato_edge.public"),
    ("hemato_edge.archives", "hemato_edge.bench", "hemato_edge.web"),
    ("hemato_edge.pipeline",),
    ("hemato_edge.calibration", "hemato_edge.mosaic"),
    ("hemato_edge.vision", "hemato_edge.views", "hemato_edge.doctor"),
    ("hemato_edge.outlets", "hemato_edge.updating"),
    ("hemato_edge.quality_control", "hemato_edge.teaching"),
    ("hemato_edge.site",),
    ("hemato_edge.counting", "hemato_edge.cameras", "hemato_edge.service"),
    ("hemato_edge.models", "hemato_edge.store", "hemato_edge.settings", "hemato_edge.device", "hemato_edge.door"),
    ("hemato_edge.aperture", "hemato_edge.rim_light"),
    ("hemato_edge.values",),
    ("hemato_edge.output_files", "hemato_edge.output_marks", "hemato_edge.evidence"),
    (
        "hemato_edge.about",
        "hemato_edge.errors",
        "hemato_edge.escaped",
        "hemato_edge.labels",
        "hemato_edge.morphology",
        "hemato_edge.neighbours",
        "hemato_edge.languages",
        "hemato_edge.journal",
        "hemato_edge.extensions",
        "hemato_edge.home",
        "hemato_edge.wall_clock",
    ),
    ("hemato_edge.credentials",),
)
"""From the roof down: a module may import from its own floor and from those below, never from one above."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the three packages and the benchmarks by its dotted name."""
    found = {f"{BENCHMARKS}.{path.stem}": path for path in (ROOT / BENCHMARKS).glob("*.py")}
    for package, folder in PACKAGES.items():
        for path in (ROOT / folder / package).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports_of(module: str) -> frozenset[str]:
    """The project's modules that a module imports, whether at its top, in a function or for a type's sake."""
    known, named = modules(), set()
    for node in ast.walk(ast.parse(known[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                named.add(whole if whole in known else node.module)
        elif isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
    if module.startswith(f"{BENCHMARKS}."):
        named |= {f"{BENCHMARKS}.{name}" for name in named}
    return frozenset((named & set(known)) - {module})


def floor_of(module: str) -> int:
    """On which floor a module stands, 0 being the roof. The device's face hands on what `public` defines; the faces of
    the other packages are empty and stand on the lowest.

    Raises:
        LookupError: no floor names it.
    """
    if module == "hemato_edge":
        return floor_of("hemato_edge.public")
    if module.endswith(".__main__"):
        return floor_of("hemato_edge.cli")
    if module in PACKAGES:
        return len(FLOORS) - 1
    for number, rooms in enumerate(FLOORS):
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return number
    raise LookupError(f"{module} stands on no floor: add it to FLOORS in tests/layout.py")


def circles() -> list[list[str]]:
    """Groups of modules that import each other in a circle (Tarjan 1972); empty where there is none."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        open_.append(module)
        for other in imports_of(module):
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in open_:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            at = open_.index(module)
            if len(open_) - at > 1:
                found.append(sorted(open_[at:]))
            del open_[at:]

    sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * len(modules())))
    for module in modules():
        if module not in order:
            visit(module)
    return found


def first_line(module: str) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(modules()[module].read_text(encoding="utf-8"))) or "").split("\n")[0]


def floor_map() -> str:
    """The page of the documentation: floors, their packages, and every module with what it is for."""
    lines = [
        "# Layout",
        "",
        "Imports go downwards only, and never in a circle. This page is generated from the code by",
        "`python tests/layout.py > docs/develop/layout.md`.",
    ]
    for rooms in FLOORS:
        for room in rooms:
            inside = sorted(name for name in modules() if name == room or name.startswith(f"{room}."))
            lines += ["", f"## {room}", ""]
            lines += [f"* `{name}`: {first_line(name)}" for name in inside if first_line(name)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(floor_map())
