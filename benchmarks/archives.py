"""Scaling of `hemato-edge reanalyze`: one process against several, and what a Dask cluster costs beside them.

Drawn slides of equal size are analysed again and again; the ways take turns within one run, so that whatever else the
machine does meets all alike. "time" is from the first source to the finished tables, models included; "work" the same
less the time that one slide takes alone, which is mostly the start of the processes. Ratios are medians of the rounds.
"processor" is processor time of all processes together, so that it shows what sharing costs whatever else the machine
does; "idle" is what this leaves of the time where as many processors have nothing else to do: that of the process that
shares out, and the others' divided by their number. Workers of Dask are not this program's children: no such figure.
With `--database` also: how many answers to stored pictures are not the recorded ones, by the sessions' own model.

    python benchmarks/archives.py [--slides 24] [--pictures 6] [--rounds 5] [--jobs 2] [--no-dask] [--database FILE]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2

from hemato_edge.archives.cluster import run_on_cluster
from hemato_edge.archives.local import run_locally
from hemato_edge.archives.parquet import read_table
from hemato_edge.archives.reanalysis import reanalyse
from hemato_edge.archives.sources import sessions_in, sources_in
from hemato_edge.archives.terms import terms_of
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.archives.reanalysis import Runner
    from hemato_edge.archives.sources import Source


def draw(folder: Path, slides: int, pictures: int) -> list[Source]:
    """So many slides with so many drawn fields each."""
    for slide in range(slides):
        place = folder / f"slide{slide:03}"
        place.mkdir()
        for number in range(pictures):
            cv2.imwrite(str(place / f"{number}.png"), draw_field(1 + slide * pictures + number)[0])
    return sources_in([folder], recursive=True, each=False, failed=_never)


def _never(name: str, reason: str) -> None:
    raise AssertionError(f"{name}: {reason}")


class Taken(NamedTuple):
    """Seconds of one analysis: by the clock, and of processor time, of this process and of its children."""

    clock: float
    own: float
    children: float

    def idle(self, jobs: int) -> float:
        """By the clock at least, where nothing else runs."""
        return self.own + self.children / jobs


def seconds(sources: list[Source], runner: Runner) -> Taken:
    """The whole analysis into a new folder."""
    with tempfile.TemporaryDirectory() as out:
        began, before = time.perf_counter(), os.times()
        reanalyse(sources, terms_of(load_settings()), Path(out), runner)
        clock, after = time.perf_counter() - began, os.times()
    own = after.user + after.system - before.user - before.system
    return Taken(
        clock, own, after.children_user + after.children_system - before.children_user - before.children_system
    )


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a scheduler of this machine with so many workers of one thread."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address, quiet = f"tcp://127.0.0.1:{port}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    begun = [
        subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"], **quiet)
    ]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    begun += [subprocess.Popen(worker, **quiet) for _ in range(workers)]
    try:
        yield address
    finally:
        for one in begun:
            one.terminate()
            one.wait()


def compare(ways: dict[str, tuple[Runner, int]], sources: list[Source], rounds: int) -> None:
    """Time each way in turn, and print the medians of the ratios to the first.

    Args:
        ways: name → what analyses, and of how many children it is; 0: they are not this program's.
        sources: to analyse.
        rounds: how often.
    """
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    start: dict[str, list[Taken]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (runner, _) in ways.items():
            start[name].append(seconds(sources[:1], runner))
            taken[name].append(seconds(sources, runner))
    first = next(iter(ways))
    work = {name: [all_.clock - one.clock for all_, one in zip(taken[name], start[name], strict=True)] for name in ways}
    print("| way | time, s (median) | time, ratio | work, ratio | ratios of time, each round | processor | idle |")
    print("|---|--:|--:|--:|---|--:|--:|")
    for name, (_, jobs) in ways.items():
        pairs = list(zip(taken[name], taken[first], strict=True))
        ratios = [mine.clock / its.clock for mine, its in pairs]
        works = [mine / its for mine, its in zip(work[name], work[first], strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        processor = idle = "–"
        if jobs:
            processor = f"{statistics.median((m.own + m.children) / (i.own + i.children) for m, i in pairs):.2f}"
            idle = f"{statistics.median(m.idle(jobs) / i.idle(1) for m, i in pairs):.2f}"
        print(
            f"| {name} | {statistics.median(one.clock for one in taken[name]):.1f} | {statistics.median(ratios):.2f} "
            f"| {statistics.median(works):.2f} | {each} | {processor} | {idle} |"
        )


def stored(database: Path) -> None:
    """How many stored pictures get another answer than the recorded one, by the program's model of today."""
    with tempfile.TemporaryDirectory() as out:
        sources = sessions_in(database, [], print)
        reanalyse(sources, terms_of(load_settings()), Path(out), partial(run_locally, jobs=1))
        table = read_table(Path(out), "cells", ("label", "best", "recorded"))
        rows = list(zip(*(table[name].to_pylist() for name in ("label", "best", "recorded")), strict=True))
    both = [(now, then) for now, _, then in rows if "unclassified" not in (now, then)]
    other = sum(now != then for now, then in both)
    doubt = sum((now == "unclassified") != (then == "unclassified") for now, _, then in rows)
    print(
        f"{len(rows)} stored cells of {len(sources)} sessions: {other} of {len(both)} that both name have another "
        f"class; {doubt} are unclassified in one of the two alone"
    )


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=int, default=24)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-dask", action="store_true")
    parser.add_argument("--database", type=Path)
    chosen = parser.parse_args()
    if chosen.database is not None:
        stored(chosen.database)
        return
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{chosen.slides} slides of {chosen.pictures} fields, {os.cpu_count()} processors, load before: {load}")
    with tempfile.TemporaryDirectory() as folder:
        sources = draw(Path(folder), chosen.slides, chosen.pictures)
        ways: dict[str, tuple[Runner, int]] = {
            f"{jobs} process{'es' * (jobs > 1)}": (partial(run_locally, jobs=jobs), jobs) for jobs in (1, chosen.jobs)
        }
        if chosen.no_dask:
            compare(ways, sources, chosen.rounds)
            return
        with cluster(1) as one, cluster(chosen.jobs) as several:
            ways["Dask, 1 worker"] = partial(run_on_cluster, address=one), 0
            ways[f"Dask, {chosen.jobs} workers"] = partial(run_on_cluster, address=several), 0
            compare(ways, sources, chosen.rounds)


if __name__ == "__main__":
    main()
