"""Values that nobody wrote, in every column of a database: a clear error or a report, never a traceback."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest
from recorded import NOON, record, record_described

from hemato_edge.errors import HematoEdgeError, StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.formats.registry import FORMATS
from hemato_edge.views.report.session_list import session_lines, sessions_json

FEW: dict[str, tuple[object, ...]] = {"TEXT": ("null", '[["x"]]'), "INTEGER": (-1,), "REAL": (1e308,), "BLOB": (b"",)}
ODD: dict[str, tuple[object, ...]] = {
    "TEXT": ("", "null", "[]", "{", "1e999", '{"a": NaN}', "\0x", "z" * 3000, '[["x"]]', '{"nucleus_shape": 5}'),
    "INTEGER": (-1, 2**62, 0),
    "REAL": (1e308, -5.0, float("inf")),
    "BLOB": (b"", b"\xff" * 7),
}
TABLES = ("sessions", "fields", "cells", "portraits", "relabels", "tallies", "events", "joined")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions with cells, pictures, attributes, a changed label, a comment and an approval."""
    path = tmp_path_factory.mktemp("sound") / "x.db"
    record(path, ["neutrophil"] * 4 + ["lymphocyte"] * 3 + ["unclassified"], pictures=True)
    record_described(path)
    with open_writer(path) as writer:
        writer.relabel(1, 0, 0, "monocyte", "Ada", NOON)
        writer.describe(1, "Ada", NOON, {"label": "A", "comment": "B"})
        writer.approve(1, "Ada", NOON)
    return path


def changed(sound: Path, path: Path, table: str, odd: dict[str, tuple[object, ...]]) -> Iterator[str]:
    """The sound database with one odd value in each column of a table, in turn; yields what it is."""
    with closing(sqlite3.connect(sound)) as connection:
        columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]
    for column, kind in columns:
        for value in odd[kind]:
            shutil.copy(sound, path)
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA ignore_check_constraints = 1")
                try:
                    connection.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608
                except sqlite3.IntegrityError:  # a key
                    continue
                connection.commit()
            yield f"{table}.{column} = {value!r:.40}"


def read_all(path: Path) -> None:
    """Everything that shows a database, each on its own: a refusal of one does not hide the next."""
    check(path)
    with Reader(path) as reader:
        for view in views(reader):
            with suppress(HematoEdgeError):
                view()


def views(reader: Reader) -> Iterator[Callable[[], object]]:
    yield lambda: (list(session_lines(reader)), sessions_json(reader))
    yield lambda: list(reader.cells(1))
    yield lambda: (reader.relabels(1), reader.doubtful(1, 9), list(reader.places(1, 0)))
    for name in FORMATS:
        for number in (1, 2):
            yield partial(written, reader, name, number)


def written(reader: Reader, name: str, number: int) -> list[object]:
    return list(FORMATS[name].write([build_report(reader, number)], reader))


@pytest.mark.parametrize("odd", [FEW, pytest.param(ODD, marks=pytest.mark.slow)], ids=["few", "all"])
@pytest.mark.parametrize("table", TABLES)
def test_no_value_in_a_column_is_a_traceback(
    sound: Path, tmp_path: Path, table: str, odd: dict[str, tuple[object, ...]]
) -> None:
    tried = 0
    for what in changed(sound, tmp_path / "x.db", table, odd):
        tried += 1
        with suppress(HematoEdgeError):
            try:
                read_all(tmp_path / "x.db")
            except BaseException as error:
                error.add_note(what) if hasattr(error, "add_note") else print(what)
                raise
    assert tried > 0


def test_a_class_that_nobody_knows_is_damage_and_no_count(sound: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(sound, tmp_path / "x.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE cells SET label = 'gremlin' WHERE number = 0")
        connection.commit()
    with Reader(path) as reader, pytest.raises(StoreError, match="is damaged"):
        build_report(reader, 1)
    named = [what for step in check(path).steps for what in step.found]
    assert "session 1: cell 1:0 has the unknown label 'gremlin'" in named
