"""Cost of recording: time of a commit, bytes written to the card, and the hash chain's share of both.

Fields are recorded by the program's own writer (write-ahead log, synchronous=FULL, one transaction per field) into two
databases in turn, with and without the hash chain, so that a busy machine slows both alike: compare ratios. With
`--card` the databases lie on their own ext4 in a file (Linux, root), and the bytes are those written to its block
device, including the file system's journal; otherwise they are those that the kernel accounts to this process
(`write_bytes` of /proc/self/io), without the journal.

    python benchmarks/store.py [--fields 3000] [--cells 1] [--fields-per-hour 3600] [--pictures] [--card] [--json]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recorded import field_result, session_start, varied_tallies, with_portraits

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.store import chain
from hemato_edge.store.write.retention import Retention
from hemato_edge.store.writer import Writer, open_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hemato_edge.values import FieldResult

CARD_BYTES = 1_000_000_000
SECTOR = 512


@contextmanager
def card() -> Iterator[tuple[Path, Callable[[], int]]]:
    """An ext4 of its own, and a function for the bytes written to its device."""
    with tempfile.TemporaryDirectory() as folder:
        image, place = Path(folder) / "card.img", Path(folder) / "card"
        place.mkdir()
        with image.open("wb") as stream:
            stream.truncate(CARD_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
        device = subprocess.run(["findmnt", "-no", "SOURCE", place], check=True, capture_output=True, text=True)
        statistic = Path("/sys/block") / Path(device.stdout.strip()).name / "stat"
        try:
            yield place, lambda: int(statistic.read_text().split()[6]) * SECTOR
        finally:
            subprocess.run(["umount", place], check=True)


@contextmanager
def folder() -> Iterator[tuple[Path, Callable[[], int]]]:
    """A folder here, and a function for the bytes written by this process."""
    made = Path(tempfile.mkdtemp(dir=Path.cwd()))
    try:
        yield made, lambda: int(Path("/proc/self/io").read_text().split("\nwrite_bytes: ")[1].split()[0])
    finally:
        shutil.rmtree(made)


@contextmanager
def chained(wanted: bool) -> Iterator[None]:
    """Recording with the chain, or without."""
    if wanted:
        yield
        return
    with patch.object(chain, "seal_field", lambda *_: {}), patch.object(chain, "append", lambda *_: None):
        yield


def commit(writer: Writer, session: int, index: int, result: FieldResult, wanted: bool) -> float:
    """Milliseconds of one commit."""
    tallies = varied_tallies(index + 1)
    with chained(wanted):
        began = time.perf_counter()
        writer.commit_field(session, result, tallies)
        return 1000 * (time.perf_counter() - began)


def field(index: int, cells: float, pictures: bool) -> FieldResult:
    """A field with this mean number of cells."""
    number = int((index + 1) * cells) - int(index * cells)
    labels = [CLASSIFIER_LABELS[(index + i) % len(CLASSIFIER_LABELS)] for i in range(number)]
    result = field_result(index, labels, rbc=20, platelet=2)
    return with_portraits(result) if pictures else result


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Name → figures."""
    times: dict[bool, list[float]] = {True: [], False: []}
    retention = Retention(max_mb=arguments.pictures_mb) if arguments.pictures else None
    figures: dict[str, dict[str, float]] = {}
    with (card if arguments.card else folder)() as (place, written):
        with open_writer(place / "with.db", retention=retention) as one, open_writer(place / "without.db") as two:
            writers = {
                True: (one, one.start_session(session_start())),
                False: (two, two.start_session(session_start())),
            }
            for index in range(arguments.fields):
                result = field(index, arguments.cells, arguments.pictures)
                for wanted in (True, False) if index % 2 else (False, True):
                    times[wanted].append(commit(*writers[wanted], index, result, wanted))
        for wanted, name in ((True, "with the chain"), (False, "without")):
            figures[name] = bytes_of(place / f"only-{name.split()[0]}.db", written, arguments, wanted)
            own = sorted(times[wanted])
            figures[name] |= {"p50_ms": statistics.median(own), "p95_ms": own[int(0.95 * len(own))]}
    pairs = [a / b for a, b in zip(times[True], times[False], strict=True)]
    figures["ratio"] = {"p50": statistics.median(pairs), "bytes": ratio(figures)}
    return figures


def ratio(figures: dict[str, dict[str, float]]) -> float:
    """Bytes with the chain over bytes without."""
    return figures["with the chain"]["bytes_a_field"] / figures["without"]["bytes_a_field"]


def bytes_of(path: Path, written: Callable[[], int], arguments: argparse.Namespace, wanted: bool) -> dict[str, float]:
    """Bytes of one database alone, from its first field until it is closed."""
    retention = Retention(max_mb=arguments.pictures_mb) if arguments.pictures else None
    with open_writer(path, retention=retention) as writer:
        session = writer.start_session(session_start())
        subprocess.run(["sync"], check=True)
        before = written()
        for index in range(arguments.fields):
            commit(writer, session, index, field(index, arguments.cells, arguments.pictures), wanted)
    subprocess.run(["sync"], check=True)
    each = (written() - before) / arguments.fields
    return {
        "bytes_a_field": each,
        "mb_an_hour": each * arguments.fields_per_hour / 1e6,
        "file_bytes_a_field": path.stat().st_size / arguments.fields,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=3000, help="fields to record, into each database")
    parser.add_argument("--cells", type=float, default=1.0, help="judged cells in a field, on average")
    parser.add_argument("--fields-per-hour", type=int, default=3600, help="for the bytes an hour")
    parser.add_argument("--pictures", action="store_true", help="with a picture of each cell")
    parser.add_argument("--pictures-mb", type=float, default=5.0, help="room for them: beyond it the oldest go")
    parser.add_argument("--card", action="store_true", help="on an ext4 of its own, counted at its device (root)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    figures = measure(arguments)
    if arguments.json:
        print(json.dumps({"arguments": vars(arguments), "figures": figures}, indent=1))
        return
    print(f"{'':16}{'p50 ms':>9}{'p95 ms':>9}{'bytes a field':>15}{'MB an hour':>12}{'file, bytes a field':>21}")
    for name in ("with the chain", "without"):
        row = figures[name]
        print(
            f"{name:16}{row['p50_ms']:9.2f}{row['p95_ms']:9.2f}{row['bytes_a_field']:15.0f}{row['mb_an_hour']:12.1f}"
            f"{row['file_bytes_a_field']:21.0f}"
        )
    print(f"with / without: time {figures['ratio']['p50']:.3f}, bytes {figures['ratio']['bytes']:.3f}")


if __name__ == "__main__":
    main()
