"""`hemato-edge run` in its own process: time until the first cells are on disk, and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.device.machine import Machine
from hemato_edge.device.process import read_process_memory
from hemato_edge.errors import BenchError
from hemato_edge.pipeline.running.daemon import CAMERA_OPEN, MODELS_READY
from hemato_edge.pipeline.running.recorder import FIRST_CELLS

if TYPE_CHECKING:
    from hemato_edge.settings import Settings

MILESTONES = {MODELS_READY: "start.models_ready", CAMERA_OPEN: "start.camera_open", FIRST_CELLS: "start.first_cell"}
"""Log line → name of its figure."""
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Start:
    """One run of the program.

    Attributes:
        milestones_ms: figure's name → milliseconds since the process was started.
        peak_mb: largest resident memory, 10^6 bytes; None if the system does not report it.
        resident_mb: resident memory every tenth of a second, 10^6 bytes.
        processor_s: processor time used, seconds.
    """

    milestones_ms: dict[str, float]
    peak_mb: float | None
    resident_mb: tuple[float, ...]
    processor_s: float


def run_child(settings: Settings, camera: str, frames: int, folder: Path, limit_s: float) -> Start:
    """Run `hemato-edge run` on a camera for a number of frames, and monitor it.

    Args:
        settings: for models and threads; camera, profile and store are ignored.
        camera: its SPEC.
        frames: number to read.
        folder: for its temporary database.
        limit_s: kill it after this many seconds.

    Raises:
        BenchError: it fails, or counts nothing in that time.
    """
    with tempfile.TemporaryDirectory(prefix=".hemato-edge-bench-", dir=folder) as own:
        config = Path(own) / "bench.toml"
        config.write_text(_models_of(settings))
        command = [sys.executable, "-m", "hemato_edge.cli.main", "-v", "run", "--camera", camera, "--no-display"]
        command += ["--max-frames", str(frames), "--db", str(Path(own) / "x.db"), "--config", str(config), "--json"]
        kept = {"STATE_DIRECTORY": own}  # the heads of its hash chains are stored there, and deleted with it
        began = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 -- this same program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**{name: value for name, value in os.environ.items() if not name.startswith("HEMATO_EDGE_")}, **kept},
        )
        return _watched(child, began, limit_s)


def _watched(child: subprocess.Popen[str], began: float, limit_s: float) -> Start:
    milestones: dict[str, float] = {}
    resident: list[float] = []
    peaks: list[float] = []
    ended = threading.Event()
    here = Machine()
    last = ""

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            if time.perf_counter() - began > limit_s:
                child.kill()
            now = read_process_memory(here, child.pid)
            if now is not None:
                resident.append(now.resident_mb)
                peaks.append(now.peak_mb)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for line in child.stderr or ():
        at = (time.perf_counter() - began) * 1e3
        last = line.strip() or last
        name = next((name for said, name in MILESTONES.items() if line.rstrip().endswith(said)), None)
        if name is not None:
            milestones.setdefault(name, at)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)  # waited for here to get its usage
    ended.set()
    watcher.join()
    if child.stderr is not None:
        child.stderr.close()
    if MILESTONES[FIRST_CELLS] not in milestones:
        said = last if child.returncode >= 0 else f"it counted nothing in {limit_s:.0f} s"
        raise BenchError(f"`hemato-edge run` did not get as far as its first cell: {said}", "Try `hemato-edge doctor`.")
    # not usage.ru_maxrss: a child inherits the peak of its parent
    return Start(milestones, max(peaks, default=None), tuple(resident), usage.ru_utime + usage.ru_stime)


def _models_of(settings: Settings) -> str:
    """The sections of a configuration file about models; TOML strings are written as JSON strings."""
    lines = []
    for name in ("model", "locator"):
        lines.append(f"[{name}]")
        section = getattr(settings, name).model_dump(mode="json")
        lines += [f"{key} = {json.dumps(value)}" for key, value in section.items() if value is not None]
    return "\n".join(lines) + "\n"
