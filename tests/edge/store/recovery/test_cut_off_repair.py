"""A repair that is killed at any step is finished by the next one, or by the next writer: no session is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from recorded import NOON, session_start, varied_field

from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.repair import repair
from hemato_edge.store.writer import open_writer

KILLED = str(Path(__file__).with_name("killed_at_step.py"))


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose writer was killed, so that its newest session lies in the log alone, and then damaged."""
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "live.db"
    with open_writer(path) as writer:
        for number in (1, 2):
            session = writer.start_session(session_start(label=f"in the file {number}"))
            for i in range(30):
                writer.commit_field(session, varied_field(i), {"frames": i + 1})
            writer.end_session(session, "finished", NOON)
    with open_writer(path) as writer:
        session = writer.start_session(session_start(label="in the log"))
        for i in range(5):
            writer.commit_field(session, varied_field(i), {"frames": i + 1})
        for suffix in ("", "-wal"):
            shutil.copy(folder / f"live.db{suffix}", folder / f"x.db{suffix}")
    with (folder / "x.db").open("r+b") as stream:
        stream.seek(4096 * 4)
        stream.write(b"\xa5" * 4096)
    return folder / "x.db"


def copy_of(damaged: Path, folder: Path) -> Path:
    for suffix in ("", "-wal"):
        shutil.copy(f"{damaged}{suffix}", folder / f"x.db{suffix}")
    return folder / "x.db"


def labels(path: Path) -> list[str]:
    with Reader(path) as reader:
        return [reader.session(number).label for number in (1, 2, 3)]


def killed_at(path: Path, step: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, KILLED, "hemato_edge.store.recovery.repair", "repair", str(step), str(path)],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )


@pytest.fixture(scope="module")
def steps(damaged: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many steps an undisturbed repair takes."""
    done = killed_at(copy_of(damaged, tmp_path_factory.mktemp("whole")), 10_000)
    assert done.stdout.startswith("whole"), done.stderr
    return int(done.stdout.split()[1])


@pytest.mark.parametrize("finisher", ["repair", "writer"])
def test_killed_at_each_step(damaged: Path, steps: int, tmp_path: Path, finisher: str) -> None:
    assert steps > 6
    for step in range(steps):
        folder = tmp_path / str(step)
        folder.mkdir()
        path = copy_of(damaged, folder)
        assert killed_at(path, step).returncode == -signal.SIGKILL
        decided = path.with_name("x.db.repaired").exists()
        if finisher == "writer" and decided:
            open_writer(path).close()
        else:
            repair(path)
        assert labels(path)[2] == "in the log", f"killed at step {step}"
        assert check(path).steps[0].good
        assert not path.with_name("x.db.repaired").exists()
        kept = [found.name for found in folder.glob("x.db.damaged*")]
        assert len(kept) in (0, 2), kept  # the damaged file with its log, or none since all was whole by then
