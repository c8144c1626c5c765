"""Results of `peers.py`: ratios, verdicts, and a table."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from peers_contestant import Contestant

FASTER, OF_MEMORY = 10.0, 0.5
"""Targets for the whole pipeline: speed relative to the fastest YOLO, and share of its memory."""


def row_of(one: Contestant, ours: Contestant) -> dict[str, Any]:
    """The figures of one contestant, against ours."""
    ms = np.concatenate(one.rounds)
    ratios = np.median(one.rounds, axis=1) / np.median(ours.rounds, axis=1)
    return {
        "name": one.name,
        "threads": one.threads,
        "p50_ms": float(np.median(ms)),
        "p95_ms": float(np.percentile(ms, 95)),
        "mean_ms": float(ms.mean()),
        "cpu_ms": float(np.median(one.cpu_ms)),
        "times": float(np.median(ms) / np.median(np.concatenate(ours.rounds))),
        "times_range": [float(np.percentile(ratios, 5)), float(np.percentile(ratios, 95))],
        "times_cpu": float(np.median(one.cpu_ms) / np.median(ours.cpu_ms)),
        "rss_mb": one.last["rss_mb"],
        "peak_mb": one.last["peak_mb"],
        "of_our_memory": one.last["peak_mb"] / ours.last["peak_mb"],
        "found_a_field": one.found / len(ms),
        "stages_ms": one.last["stages"],
    }


def rows_of(contestants: list[Contestant]) -> list[dict[str, Any]]:
    """A row for each contestant; MobileNetV2 is compared with our naming, everything else with the whole pipeline."""
    by_name = {(one.name, one.threads): one for one in contestants}
    return [
        row_of(one, by_name["ours name" if one.name.startswith("mobilenet") else "ours", one.threads])
        for one in contestants
    ]


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """The targets, and whether they are met, for one thread and for more, and for both shapes of YOLO.

    With one thread processor time decides: it equals wall time on an idle machine, and is not affected by load.
    """
    lines = []
    for threads in sorted({row["threads"] for row in rows}):
        cost, ratio = ("cpu_ms", "times_cpu") if threads == 1 else ("p50_ms", "times")
        for shape in ("640x640", "480x640"):
            peers = [row for row in rows if row["threads"] == threads and f" {shape} " in row["name"]]
            if not peers:
                continue
            fastest = min(peers, key=lambda row: row[cost])
            share = 1 / fastest["of_our_memory"]
            lines.append(
                f"{threads} thread{'s' * (threads > 1)}, against {fastest['name']}, the fastest: "
                f"{fastest['times']:.1f} × by the clock, {fastest['times_cpu']:.1f} × by processor time "
                f"(asked {FASTER:g} ×: {'met' if fastest[ratio] >= FASTER else 'NOT met'}); "
                f"{share:.2f} of its memory (asked under {OF_MEMORY:g}: {'met' if share < OF_MEMORY else 'NOT met'})"
            )
    return lines


def machine() -> dict[str, Any]:
    """Processor, cores, system, load."""
    named = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": named[0].split(":")[1].strip() if named else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load_at_the_end": os.getloadavg()[0],
    }


def print_table(document: dict[str, Any]) -> None:
    """Print the document as Markdown."""
    print(f"{document['fields']}; {json.dumps(document['machine'])}")
    print(f"weights: {document['weights']}; {document['rounds']} rounds of {document['at_once']} fields")
    print("versions: " + ", ".join(f"{name} {v}" for name, v in sorted(document["versions"].items())) + "\n")
    print(
        "| contestant | threads | p50 ms | p95 | mean | cpu | times | 5–95 % | times cpu | RSS MB | peak MB | found |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in document["rows"]:
        low, high = row["times_range"]
        times = f"{row['p50_ms']:.2f} | {row['p95_ms']:.2f} | {row['mean_ms']:.2f} | {row['cpu_ms']:.2f}"
        ratios = f"{row['times']:.2f} | {low:.2f}–{high:.2f} | {row['times_cpu']:.2f}"
        rest = f"{row['rss_mb']:.0f} | {row['peak_mb']:.0f} | {row['found_a_field']:.1f}"
        print(f"| {row['name']} | {row['threads']} | {times} | {ratios} | {rest} |")
    for row in document["rows"]:
        if row["stages_ms"]:
            stages = ", ".join(f"{name} {ms:.2f}" for name, ms in row["stages_ms"].items())
            print(f"\nstages of {row['name']} with {row['threads']}: {stages} ms")
    daemon = document["daemon"]
    print(f"\n`hemato-edge run` on the fields as pictures: {daemon['ms_a_field']:.1f} ms a field", end="")
    print(f" with decoding and the store, peak {daemon['peak_mb']:.0f} MB")
    print("\n".join(["", *document["verdicts"]]))
