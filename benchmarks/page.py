"""Cost of viewers for the count: the same frames with no viewer, one, and four that request pictures.

The drawn slide is counted by `run` in its own process with its door open; each viewer requests the next picture at that
door at most ten times a second, as the page does. Reported are the run's processor time per frame (user and system, of
its process only), the ratio to that without viewers, the number of pictures made, and whether the counts are equal.
Rounds alternate, and the medians are compared; the bounds are 1.05 with one viewer and 1.10 with four.

    python benchmarks/page.py [--frames 300] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Picture
from hemato_edge.door.messages import DoorError

WATCHERS = (0, 1, 4)
A_SECOND = 10


def look_on(door: Path, ended: threading.Event, pictures: list[int]) -> None:
    """Request pictures until the run has ended."""
    after = 0
    with DoorClient(door, "benchmark") as client:
        while not ended.is_set():
            asked = time.monotonic()
            try:
                answer = client.ask(Picture(after, 640))
            except DoorError:
                time.sleep(0.05)
                continue
            if answer.jpeg:
                after = answer.told["seq"]
                pictures.append(len(answer.jpeg))
            time.sleep(max(0.0, 1 / A_SECOND - (time.monotonic() - asked)))


def counted(frames: int, watchers: int) -> dict[str, Any]:
    """One run: processor time per frame (ms), number of pictures, and counts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--camera", "demo", "--json"]
        command += ["--max-frames", str(frames), "--db", str(folder / "x.db"), "--door", str(folder / "d.sock")]
        environment = os.environ | {"HEMATO_EDGE_DOOR__ENABLED": "true"}
        ended, pictures = threading.Event(), list[int]()
        threads = [threading.Thread(target=look_on, args=(folder / "d.sock", ended, pictures)) for _ in range(watchers)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
            for thread in threads:
                thread.start()
            assert run.stdout is not None
            report = json.loads(run.stdout.read())
            _, _, used = os.wait4(run.pid, 0)
            run.returncode = 0
        ended.set()
        for thread in threads:
            thread.join()
    told = {key: report[key] for key in ("counts", "differential", "fields", "unclassified")}
    return {"cpu_ms": 1000 * (used.ru_utime + used.ru_stime) / frames, "pictures": len(pictures), "told": told}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    runs: dict[int, list[dict[str, Any]]] = {watchers: [] for watchers in WATCHERS}
    for _ in range(asked.rounds):
        for watchers in WATCHERS:
            runs[watchers].append(counted(asked.frames, watchers))
    alone = median(run["cpu_ms"] for run in runs[0])
    rows = [
        {
            "watchers": watchers,
            "cpu_ms_a_frame": round(median(run["cpu_ms"] for run in done), 2),
            "ratio": round(median(run["cpu_ms"] for run in done) / alone, 3),
            "pictures": median(run["pictures"] for run in done),
            "same_counts": all(run["told"] == runs[0][0]["told"] for run in done),
        }
        for watchers, done in runs.items()
    ]
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
