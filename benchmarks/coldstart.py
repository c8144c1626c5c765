"""Start-up time of the program: of the help, and of `run` from process start to the first cell on disk.

Each is started many times, in turn. "wall" is elapsed time, "cpu" the processor time of the process: on a busy machine
only the minimum wall time and the processor time are meaningful. `run` reads one picture of a drawn field, to exclude
a camera's own start-up, and once the demo, whose slide must be drawn first. Bounds: 0.25 s for the help, 1.0 s for the
first cell of the picture. All modules are compiled before, as those of an installed program are.

`--imports` shows where the time goes: `python -X importtime`, own times summed by package. That option slows Python, so
compare shares, not seconds.

    python benchmarks/coldstart.py [--starts 10] [--imports] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hemato_edge.bench.measures.scenes import draw_scenes
from hemato_edge.bench.measures.start import MILESTONES, run_child
from hemato_edge.settings import Settings

BOUNDS_S = {"help": 0.25, "start.first_cell": 1.0}


def start(*arguments: str) -> tuple[float, float]:
    """Wall and processor seconds of `python ARGUMENTS…`."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"python {' '.join(arguments)} ended with {child.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def measure(starts: int) -> dict[str, dict[str, list[float]]]:
    """Name → "wall" and "cpu" seconds of every start."""
    found: dict[str, dict[str, list[float]]] = {}

    def note(name: str, wall: float, cpu: float | None = None) -> None:
        own = found.setdefault(name, {"wall": [], "cpu": []})
        own["wall"].append(wall)
        own["cpu"] += [cpu] if cpu is not None else []

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "field.png"
        cv2.imwrite(str(picture), draw_scenes(8, 1e6)["worst"].frames[0].image)
        start("-m", "hemato_edge.cli.main", "--help")
        run_child(Settings(), str(picture), 1, Path(folder), 120.0)
        for _ in range(starts):
            note("bare python", *start("-c", "pass"))
            note("help", *start("-m", "hemato_edge.cli.main", "--help"))
            one = run_child(Settings(), str(picture), 1, Path(folder), 120.0)
            for name in MILESTONES.values():
                note(name, one.milestones_ms[name] / 1e3)
            note("run to its end", one.milestones_ms["start.first_cell"] / 1e3, one.processor_s)
        other = run_child(Settings(), "demo", 6, Path(folder), 120.0)
        note("first cell of the demo", other.milestones_ms["start.first_cell"] / 1e3, other.processor_s)
    del found["run to its end"]["wall"][:]
    return found


def imports(*arguments: str) -> Counter[str]:
    """Package → milliseconds of its modules' own import times."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            module = parts[2].strip()
            package = ".".join(module.split(".")[:2]) if module.startswith("hemato_edge") else module.split(".")[0]
            kept = package if package.split(".")[0] not in sys.stdlib_module_names else "standard library"
            spent[kept] += int(parts[0]) / 1e3
    return spent


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--imports", action="store_true", help="the shares of the packages, too")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as compiled:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        tell(arguments)


def tell(arguments: argparse.Namespace) -> None:
    """Measure, and print what was found."""
    found = measure(arguments.starts)
    shares: dict[str, dict[str, float]] = {}
    if arguments.imports:
        with tempfile.TemporaryDirectory() as folder:
            database = str(Path(folder) / "x.db")
            run = ("run", "--camera", "demo", "--max-frames", "3", "--no-display", "--json", "--db", database)
            for name, command in (("help", ("--help",)), ("run", run)):
                shares[name] = dict(imports("-m", "hemato_edge.cli.main", *command).most_common(22))
    if arguments.json:
        print(json.dumps({"bounds_s": BOUNDS_S, "seconds": found, "imports_ms": shares}, indent=1))
        return
    show(found, shares)


def show(found: dict[str, dict[str, list[float]]], shares: dict[str, dict[str, Any]]) -> None:
    """Print the tables."""
    print(f"{'seconds':30}{'wall least':>12}{'median':>9}{'p90':>9}{'cpu least':>11}{'median':>9}{'bound':>8}")
    for name, own in found.items():
        wall, cpu, bound = own["wall"], own["cpu"], BOUNDS_S.get(name)
        cells = [min(wall), np.median(wall), np.percentile(wall, 90)] if wall else [None] * 3
        cells += [min(cpu), np.median(cpu)] if cpu else [None] * 2
        widths = (12, 9, 9, 11, 9)
        line = "".join(
            f"{'–' if cell is None else f'{cell:.3f}':>{width}}" for cell, width in zip(cells, widths, strict=True)
        )
        print(f"{name:30}{line}{'' if bound is None else f'{bound:8.2f}'}")
    for name, packages in shares.items():
        print(f"\nimports of `{name}`, ms of their own, {sum(packages.values()):.0f} in all that are shown")
        for package, ms in packages.items():
            print(f"  {package:34}{ms:8.1f}")


if __name__ == "__main__":
    main()
