"""`db`: what a person types when the database is to be trusted, kept or mended."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from outcomes import assert_one_line_error
from recorded import record

from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Program


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, ["neutrophil"] * 40 + ["monocyte"] * 40, pictures=True)
    return made


def test_a_good_database_passes(program: Program, path: Path) -> None:
    done = program("db", "check", "--db", path, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ok"] is True
    assert [step["name"] for step in said["checks"]] == [
        *("SQLite's integrity_check", "layout", "foreign keys", "sessions", "totals agree with the rows"),
        *("hash chains", "heads noted outside", "deletions", "repairs"),
    ]
    assert said["chains"][0]["head"] in program("db", "check", "--db", path).stdout


def test_an_edited_row_is_named_with_exit_code_5(program: Program, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE cells SET label = 'basophil' WHERE field = 1 AND number = 7")
        connection.commit()
    done = program("db", "check", "--db", path)
    assert "FAIL  hash chains\n      session 1: cell 7 of field 1 was edited" in done.stdout
    assert_one_line_error(done, 5, "not as it was recorded", "db restore COPY")
    again = program("db", "check", "--db", path, "--json")
    assert json.loads(again.stdout)["ok"] is False
    assert again.returncode == 5
    assert_one_line_error(program("db", "repair", "--db", path), 5, "changed past the program")


def test_a_copy_is_put_back_and_what_was_there_is_kept(program: Program, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert program("db", "backup", "--db", path, "--out", copy).returncode == 0
    path.write_bytes(b"lost")
    done = program("db", "restore", copy, "--db", path)
    assert done.returncode == 0, done.stderr
    assert f"kept as {path}.replaced" in done.stdout
    checked = program("db", "check", "--db", path)
    assert checked.returncode == 0, checked.stdout
    assert f"from a copy; the one before was kept as {path}.replaced" in checked.stdout
    assert_one_line_error(program("db", "restore", tmp_path / "none", "--db", path), 5, "There is no file")


def test_a_damaged_database_is_refused_then_mended_and_kept(program: Program, path: Path) -> None:
    os.truncate(path, path.stat().st_size - 3 * 4096)
    damaged = path.read_bytes()
    refused = program("run", "--camera", "demo", "--db", path, "--max-frames", 1, "--no-display")
    assert_one_line_error(refused, 5, "is damaged", "hemato-edge db repair")
    assert_one_line_error(program("db", "check", "--db", path), 5, "hemato-edge db repair")
    assert path.read_bytes() == damaged
    done = program("db", "repair", "--db", path, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["repaired"] is True
    assert said["saved"]["cells"] > 0
    assert (path.parent / "records.db.damaged").read_bytes() == damaged
    checked = program("db", "check", "--db", path)
    assert checked.returncode == 0
    assert "the damaged file was kept as records.db.damaged" in checked.stdout
    counted = program("run", "--camera", "demo", "--db", path, "--max-frames", 2, "--no-display")
    assert counted.returncode == 0, counted.stderr


def test_repair_tells_a_person_what_was_lost(program: Program, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    assert_one_line_error(program("sessions", "--db", path), 5, "not a SQLite database", "hemato-edge db repair")
    done = program("db", "repair", "--db", path)
    assert "kept as" in done.stdout
    assert "Saved: 1 sessions, 2 fields, 80 cells" in done.stdout
    assert "no record is lost" in done.stdout
    assert "is sound: nothing was done" in program("db", "repair", "--db", path).stdout


def test_a_backup_is_verified_and_not_written_over(program: Program, path: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.db"
    with open_writer(path):  # also while a daemon writes
        done = program("db", "backup", "--db", path, "--out", out, "--json")
    assert json.loads(done.stdout) == {
        "database": str(path),
        "backup": str(out),
        "bytes": out.stat().st_size,
        "verified": True,
    }
    assert_one_line_error(program("db", "backup", "--db", path, "--out", out), 5, "is there already")
    assert "verified." in program("db", "backup", "--db", path).stdout
    assert len(list(tmp_path.glob("records.db.2*-backup"))) == 1


@pytest.mark.parametrize("command", ["check", "backup", "repair"])
def test_a_database_that_is_not_there(program: Program, tmp_path: Path, command: str) -> None:
    assert_one_line_error(program("db", command, "--db", tmp_path / "no.db"), 5, "There is no database")
    assert not list(tmp_path.glob("no.db*"))


def test_two_daemons_on_one_database_are_refused(program: Program, path: Path) -> None:
    with open_writer(path):
        second = program("run", "--camera", "demo", "--db", path, "--max-frames", 1, "--no-display")
    assert_one_line_error(second, 5, f"is being written by process {os.getpid()}")


def test_pictures_are_pruned_by_the_settings(program: Program, path: Path) -> None:
    done = program(
        *("review", "prune", "--db", path, "--by-settings"),
        HEMATO_EDGE_PORTRAITS__MAX_MB="0.001",
        HEMATO_EDGE_PORTRAITS__MIN_PER_CLASS="3",
    )
    assert done.stdout == "74 pictures removed.\n"  # 80 cells of two classes
    assert program("db", "check", "--db", path).returncode == 0
    assert program("review", "prune", "--db", path, "--by-settings", "--session", 1).returncode == 2


def test_a_run_on_a_disk_that_fills_ends_in_order_and_says_why(program: Program, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12600000", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (it needs root)")
    path = disk / "records.db"
    variables = {f"HEMATO_EDGE_STORE__{name}": str(mb) for name, mb in (("MIN_FREE_MB", 0), ("RESERVE_MB", 12))}
    try:
        done = program("run", "--camera", "demo", "--db", path, "--max-frames", 400, "--no-display", **variables)
        assert_one_line_error(done, 5, "less than 12 MB free", "counting has stopped")
        assert "White-cell differential, session 1 (interrupted)" in done.stdout
        assert "Interrupted: The disk of the database" in done.stdout
        checked = program("db", "check", "--db", path, "--json")
        assert checked.returncode == 0
        assert json.loads(checked.stdout)["chains"][0]["entries"] > 3
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_key_seals_what_is_recorded_and_check_says_so(program: Program, tmp_path: Path) -> None:
    key, db = tmp_path / "chain-key", tmp_path / "sealed.db"
    assert program("db", "key", key).returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert_one_line_error(program("db", "key", key), 5, "is there already")
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\nchain_key_file = "{key}"\n', encoding="utf-8")
    ran = program("run", "--camera", "demo", "--db", db, "--max-frames", 3, "--no-display", "--config", config)
    assert ran.returncode == 0, ran.stderr
    assert "sealed, not verified (--key)" in program("db", "check", "--db", db).stdout
    verified = program("db", "check", "--db", db, "--key", key)
    assert verified.returncode == 0, verified.stderr
    assert "PASS  seals" in verified.stdout
    assert "entries, sealed, last link" in verified.stdout
