"""The whole pipeline against common alternatives, on the same 640×480 fields, each in its own process.

Peers, from the package registry, in their own environment (`peers-requirements.txt`; created once, under ~/.cache):

* Ultralytics YOLO11n and YOLOv8n at 640, exported by Ultralytics, through ONNX Runtime, OpenCV DNN, NCNN and LiteRT
  int8: letterbox, network, threshold, non-maximum suppression, with nothing else loaded, as lean as a careful program
  would be and leaner than Ultralytics' own `predict`. Also exported at the fields' own 480×640, which saves a
  quarter of the work.
* Keras `predict` and ONNX Runtime int8 with the classifier's architecture, crop by crop, on crops cut beforehand.

Ours: `ours` is a whole field with only new cells (quality, locator, scale and stain, classifier, portraits),
`ours locate` and `ours name` are parts of it, `ours bare` the bare inferences that it needs. At the end `hemato-edge
run` counts the same fields as a folder of pictures, with its store, for the memory of the real program.

Interpretation: all contestants process the same fields in turn (a round), several fields at once, the first of them
untimed, so a busy machine slows all alike. Compare ratios, not milliseconds: "times" is the ratio of the medians to
`ours` with as many threads (for MobileNetV2 to `ours name`), beside it the 5 % to 95 % range of that ratio over the
rounds, and "times cpu" the ratio of processor time (all threads of the process), which depends least on other load.
Peak is the largest resident memory, loading included. Weights are random if the published ones cannot be downloaded: a
network's time does not depend on them, and the peers are then spared the suppression of their detections.

    python benchmarks/peers.py [FOLDER] [--rounds 20] [--threads 1 2] [--only yolo11n ours] [--json]

FOLDER holds pictures of 640×480 (BCCD: ../shared/data/bccd/images); without it fields of the drawn demo slide are used.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
from peers_contestant import Contestant
from peers_fields import FIELDS, fields_of, lay_out
from peers_table import machine, print_table, rows_of, verdicts

if TYPE_CHECKING:
    import numpy as np

HERE = Path(__file__).parent
REQUIREMENTS = (HERE / "peers-requirements.txt", HERE / "peers-requirements-alone.txt")
AT_ONCE = 4
"""Timed fields of a contestant per round, after an untimed one."""
WARM_UP_ROUNDS = 1
RUNTIMES = ("onnxruntime", "opencv", "ncnn", "tflite-int8")
NETWORKS = ("yolo11n", "yolov8n")
CONTESTANTS = (
    "ours",
    "ours locate",
    "ours name",
    "ours bare",
    *(f"{network} 640x640 {runtime}" for network in NETWORKS for runtime in RUNTIMES),
    *(f"{network} 480x640 {runtime}" for network in NETWORKS for runtime in RUNTIMES),
    "mobilenet keras",
    "mobilenet onnx-int8",
)


def cache_folder() -> Path:
    """Folder of environment, models and fields; outside any checkout."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "hemato-edge" / "peers"


def peers_python() -> Path:
    """The Python of the peers' environment; installs it, again whenever the requirements have changed."""
    home = cache_folder() / "env"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    wanted = "".join(path.read_text() for path in REQUIREMENTS)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing the peers into {home} (4 GB, some minutes) …", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    subprocess.run([*pip, "-r", REQUIREMENTS[0]], check=True)
    subprocess.run([*pip, "--no-deps", "-r", REQUIREMENTS[1]], check=True)
    stamp.write_text(wanted)
    return python


def make_models(python: Path, work: Path) -> dict[str, str]:
    """Export the peers' models, once; returns which weights they have. An interrupted export is resumed."""
    told, recipe = work / "weights.json", work / "recipe.txt"
    made_by = "".join(path.read_text() for path in (HERE / "peers_models.py", *REQUIREMENTS))
    if not recipe.exists() or recipe.read_text() != made_by:
        for old in [*work.glob("*yolo*"), *work.glob("mobilenet*"), *work.glob("weights.json")]:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        recipe.write_text(made_by)
    if not told.exists():
        print(f"exporting the peers' models into {work} (minutes) …", file=sys.stderr)
        with (work / "models.log").open("w") as log:
            done = subprocess.run([python, HERE / "peers_models.py", work], stdout=log, stderr=log, check=False)
        if done.returncode:
            sys.exit(f"the export failed; its log is {work / 'models.log'}")
    return json.loads(told.read_text())


def start(name: str, threads: int, python: Path, work: Path) -> Contestant:
    """Start a contestant and wait until it is loaded."""
    own = name.startswith("ours")
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3", "YOLO_VERBOSE": "false"}
    if not own:
        environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [sys.executable if own else python, HERE / "peers_worker.py", name, str(threads), work],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(work / "contestants.log").open("a"),
        text=True,
        env=environment,
    )
    made = Contestant(name, threads, process)
    made.answer()
    return made


def compete(contestants: list[Contestant], rounds: int, fields: int) -> None:
    """The rounds: all contestants process the same fields, one after another."""
    for turn in range(WARM_UP_ROUNDS + rounds):
        numbers = [(turn * AT_ONCE + i) % fields for i in range(AT_ONCE + 1)]
        for one in contestants:
            one.work(numbers, timed=turn >= WARM_UP_ROUNDS)
    for one in contestants:
        one.end()


def daemon_figures(work: Path, fields: list[np.ndarray]) -> dict[str, float]:
    """`hemato-edge run` on the same fields as pictures, twice, few and many of them: ms per field, peak memory."""
    figures = {}
    seconds = {}
    for many in (FIELDS, 10 * FIELDS):
        folder = work / f"pictures{many}"
        folder.mkdir(exist_ok=True)
        for i in range(many):
            cv2.imwrite(str(folder / f"{i:04}.bmp"), fields[i % len(fields)])
        store = work / "peers.db"
        for old in work.glob("peers.db*"):
            old.unlink()
        command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--camera", folder, "--db", store, "--json"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds[many] = time.perf_counter() - began
        if status:
            sys.exit(f"hemato-edge run ended with {os.waitstatus_to_exitcode(status)}")
        figures["peak_mb"] = used.ru_maxrss / 1024
    figures["ms_a_field"] = 1e3 * (seconds[10 * FIELDS] - seconds[FIELDS]) / (9 * FIELDS)
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="pictures of 640×480; without it drawn fields")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="contestants whose name has a WORD")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    fields = fields_of(arguments.folder)
    kind = f"fields of {arguments.folder}" if arguments.folder else "DRAWN demo fields, no data set was given"
    work = cache_folder() / ("pictures" if arguments.folder else "drawn")
    content = lay_out(work, fields)
    python = peers_python()
    weights = make_models(python, work)
    names = [n for n in CONTESTANTS if n in ("ours", "ours name") or any(word in n for word in arguments.only)]
    contestants = [start(name, threads, python, work) for threads in arguments.threads for name in names]
    compete(contestants, arguments.rounds, len(fields))
    rows = rows_of(contestants)
    document = {
        "fields": f"{len(fields)} {kind}: {content['white_cells']:.1f} white cells, {content['cells']:.1f} cells each",
        "machine": machine(),
        "versions": {name: v for one in contestants for name, v in one.last["versions"].items()},
        "weights": ", ".join(f"{name} {kind}" for name, kind in weights.items()),
        "rounds": arguments.rounds,
        "at_once": AT_ONCE,
        "rows": rows,
        "daemon": daemon_figures(work, fields),
        "verdicts": verdicts(rows),
    }
    if arguments.json:
        print(json.dumps(document, indent=1))
    else:
        print_table(document)


if __name__ == "__main__":
    main()
