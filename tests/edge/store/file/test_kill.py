"""The promise: a count that anyone was shown is on disk, whenever the process is killed."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from recorded import varied_field, varied_tallies

from hemato_edge.labels import LEUKOCYTES, UNCLASSIFIED
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import Totals
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

COMMITTER = Path(__file__).with_name("committer.py")


def expected(session: int, fields: int) -> Totals:
    """What the first `fields` fields of the committer add up to, reckoned without the store."""
    results = [varied_field(index) for index in range(fields)]
    labels = Counter(cell.judgement.label for result in results for cell in result.new_cells)
    tallies = varied_tallies(fields)
    return Totals(
        session=session,
        fields=fields,
        frames=tallies["frames"],
        wbc=sum(labels[label] for label in (*LEUKOCYTES, UNCLASSIFIED)),
        rbc=sum(int(result.new_red_cells) for result in results),
        platelet=sum(result.new_platelets for result in results) + labels["platelet"],
        labels=dict(labels),
        rejected={"out_of_focus": tallies["rejected:out_of_focus"]},
        dropped=tallies["dropped"],
        skipped={},
    )


def with_tests() -> dict[str, str]:
    """An environment in which what the tests share is found."""
    places = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def kill_after(path: Path, seconds: float) -> dict[str, object]:
    """Run the committer, SIGKILL it this long after its first line, and return what it printed last."""
    with subprocess.Popen(
        [sys.executable, str(COMMITTER), str(path)], stdout=subprocess.PIPE, env=with_tests()
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        whole = [line for line in (first + process.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")]
    shown: dict[str, object] = json.loads(whole[-1])
    return shown


def killed_again_and_again(path: Path, kills: int) -> None:
    chance = random.Random(7)
    for session in range(1, kills + 1):
        shown = kill_after(path, chance.uniform(0.0, 0.3))  # several checkpoints of the log fall into it
        with Reader(path) as reader:
            on_disk = reader.totals(session)
            assert reader.session(session).state == "interrupted"
        assert check(path, quick=session % 20 != 0).good  # SQLite's own, and at times all: keys, totals, chains
        # nothing shown is missing; a field is there whole or not at all, with the tallies that came with it
        assert on_disk.fields - int(str(shown["fields"])) in (0, 1)
        assert on_disk == expected(session, on_disk.fields)
    open_writer(path).close()
    with Reader(path) as reader:
        assert [record.state for record in reader.sessions()] == ["interrupted"] * kills
    result = check(path)
    assert [what for step in result.steps for what in step.found] == []
    assert len(result.chains) == kills


def test_what_was_shown_survives_sigkill(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path / "records.db", 10)


@pytest.mark.parametrize("size", [0, 100, 16_384])
def test_an_index_of_the_log_that_is_cut_short_takes_nothing_shown_with_it(tmp_path: Path, size: int) -> None:
    """SQLite maps `-shm` into memory: the kernel kills the writer (SIGBUS), and whoever reads next makes it anew."""
    path = tmp_path / "records.db"
    with subprocess.Popen([sys.executable, str(COMMITTER), str(path)], stdout=subprocess.PIPE, env=with_tests()) as run:
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(20)]
        os.truncate(path.with_name("records.db-shm"), size)
        lines += itertools.islice(run.stdout, 100)  # fewer where it was killed
        run.kill()
    shown = json.loads([line for line in lines if line.endswith(b"\n")][-1])
    with Reader(path) as reader:
        on_disk = reader.totals(1)
    assert on_disk.fields >= int(shown["fields"])
    assert on_disk == expected(1, on_disk.fields)
    assert check(path).good


@pytest.mark.slow
def test_what_was_shown_survives_two_hundred_sigkills(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path / "records.db", 200)
