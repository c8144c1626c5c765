"""A disk whose reads, writes or syncs end in EIO: told from a damaged file by every command, and nothing is repaired.

The kernel's device mapper is not everywhere, so a small library that is compiled here stands between the program and
the C library (`failing_disk.c`).
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from preloading import failing_disk
from recorded import NOON, session_start, varied_field
from waiting import DEADLINE_S

from hemato_edge.errors import FailingDiskError, StoreError
from hemato_edge.store.file.failing import disk_fails
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer

PAGE = 4096
LOOKS = """
import json, sys
from pathlib import Path
from hemato_edge.doctor.findings import Finding
from hemato_edge.doctor import storage_probes
from hemato_edge.errors import HematoEdgeError
from hemato_edge.store.file.backup import back_up
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.repair import repair
from hemato_edge.store.writer import open_writer

path = Path(sys.argv[1])

def read():
    with Reader(path) as reader:
        for record in reader.sessions():
            reader.totals(record.id)
            list(reader.fields(record.id)), list(reader.cells(record.id))

looks = {
    "check": lambda: check(path),
    "quick": lambda: check(path, quick=True),
    "read": read,
    "backup": lambda: back_up(path, path.with_name("copy")),
    "doctor": lambda: storage_probes._quickly_checked(path),
    "repair": lambda: repair(path),
    "run": lambda: open_writer(path).close(),
}
said = {}
for name, look in looks.items():
    try:
        look()
        said[name] = "done"
    except HematoEdgeError as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library."""
    return failing_disk(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "records.db"
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        for i in range(60):
            writer.commit_field(session, varied_field(i), {"frames": i + 1})
        writer.end_session(session, "finished", NOON)
    return path


def under(library: Path, code: str, path: Path, **failing: object) -> subprocess.CompletedProcess[str]:
    names = {f"EIO_{name.upper()}": str(value) for name, value in failing.items()}
    return subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "LD_PRELOAD": str(library), "EIO_FILE": path.name, **names},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def test_a_sector_that_cannot_be_read_is_no_damage(failing: Path, sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    shutil.copy(sound, path)
    content, pages = path.read_bytes(), path.stat().st_size // PAGE
    told = 0
    for page in (0, 2, *range(3, pages, max(1, pages // 6))):
        done = under(failing, LOOKS, path, calls="r", at=page * PAGE + 64)
        assert done.returncode == 0, (page, done.stderr)
        said: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        for name, answer in said.items():
            assert answer == "done" or answer.startswith("FailingDiskError"), (page, name, answer)
            assert "db repair" not in answer, (page, name, answer)
        assert "input/output error" in said["repair"], (page, said)
        assert path.read_bytes() == content
        assert not list(tmp_path.glob("records.db.damaged*")) + list(tmp_path.glob("copy*"))
        told += sum(answer != "done" for answer in said.values())
    assert told > 30
    assert check(path).good  # on a sound disk all is there


CUT_OFF = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for pragma in ("journal_mode = DELETE", "cache_size = 1"):
    connection.execute(f"PRAGMA {pragma}")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE fields SET new_rbc = new_rbc + 1000")
connection.execute("UPDATE cells SET label = 'basophil'")
os.kill(os.getpid(), signal.SIGKILL)
"""
SHOWN = """
import sys
from pathlib import Path
from recorded import session_start, varied_field
from hemato_edge.errors import HematoEdgeError
from hemato_edge.store.writer import open_writer
shown = 0
try:
    with open_writer(Path(sys.argv[1])) as writer:
        session = writer.start_session(session_start())
        for i in range(12):
            shown = writer.commit_field(session, varied_field(i), {"frames": i + 1}).fields
except HematoEdgeError as error:
    print(f"{type(error).__name__}: {error}")
print(shown)
"""


@pytest.mark.parametrize("calls", ["w", "s"])
def test_writes_and_syncs_that_fail_end_the_run_and_lose_nothing_shown(
    failing: Path, calls: str, tmp_path: Path
) -> None:
    ended = 0
    for start in (*range(8), 10, 14, 18, 24):
        path = tmp_path / str(start) / "records.db"
        path.parent.mkdir()
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n{SHOWN}"
        done = under(failing, code, path, calls=calls, **{"from": start})
        assert done.returncode == 0, (start, done.stderr)
        *said, shown = done.stdout.splitlines()
        assert all(line.startswith("FailingDiskError") for line in said), (start, said)
        ended += len(said)
        if int(shown) or path.exists():
            open_writer(path).close()  # on a sound disk
            with Reader(path) as reader:
                sessions = reader.sessions()
                assert sum(reader.totals(one.id).fields for one in sessions) >= int(shown)
            assert check(path).good
    assert ended > 6


def test_a_damaged_file_is_still_told_for_what_it_is(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    content = sound.read_bytes()
    path.write_bytes(content[: 2 * PAGE] + b"\xa5" * PAGE + content[3 * PAGE :])
    assert not disk_fails(path)
    with pytest.raises(StoreError, match="is damaged") as caught:
        open_writer(path)
    assert not isinstance(caught.value, FailingDiskError)


def test_a_write_cut_off_before_there_was_a_log_is_undone_by_whoever_reads(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    shutil.copy(sound, path)
    with Reader(path) as reader:
        totals = reader.totals(1)
    subprocess.run([sys.executable, "-c", CUT_OFF, str(path)], check=False)
    assert path.with_name("records.db-journal").stat().st_size
    with Reader(path) as reader:
        assert reader.totals(1) == totals
    assert check(path).good
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
