"""A chain with a key: who has the file and not the key can rewrite it, and not unseen."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from recorded import NOON, session_start, varied_field, varied_tallies

from hemato_edge.errors import ConfigurationError, StoreError
from hemato_edge.store import chain
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.verify_chain import _Walk
from hemato_edge.store.seal import CREDENTIAL, SEAL, SealKey, find_key, make_key, read_key
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = 4


def record_session(path: Path, key: SealKey | None) -> int:
    with open_writer(path, key=key) as writer:
        session = writer.start_session(session_start())
        for index in range(FIELDS):
            writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
        writer.commit_tallies(session, {"frames": 99})
        writer.end_session(session, "finished", NOON)
    return session


def found(path: Path, key: SealKey | None) -> list[str]:
    return [what for step in check(path, key=key).steps for what in step.found]


@pytest.fixture
def key(tmp_path: Path) -> SealKey:
    return make_key(tmp_path / "key")


@pytest.fixture
def path(tmp_path: Path, key: SealKey) -> Path:
    made = tmp_path / "records.db"
    record_session(made, key)
    return made


def relink(path: Path, session: int, *, strip: bool) -> None:
    """What an owner of the file without the key can do: every link is made anew, to the rows as they now stand."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        cursor = connection.cursor()
        cursor.row_factory = sqlite3.Row
        walk, link = _Walk(cursor, session, None), chain.first_link(session)
        entries = connection.execute(
            "SELECT entry, 'field', said, number FROM fields WHERE session = :s"
            " UNION ALL SELECT entry, event, said, NULL FROM events WHERE session = :s ORDER BY entry",
            {"s": session},
        ).fetchall()
        for number, event, text, field in entries:
            said = json.loads(text)
            if strip:
                said = {name: value for name, value in said.items() if name not in ("seal", "key")}
            rows = list(walk._rows({"event": event, "field": field}, said))  # type: ignore[arg-type]
            hashes = [chain.row_hash(table, row) for table, row in rows]
            text = chain.canonical_json(said)
            link = chain.next_link(link, number, event, text, hashes)
            table, where = ("fields", "number") if field is not None else ("events", "entry")
            connection.execute(
                f"UPDATE {table} SET said = ?, marks = ?, link = ? WHERE session = ? AND {where} = ?",  # noqa: S608
                (text, chain.marks(hashes), link, session, field if field is not None else number),
            )


def forge(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE fields SET new_rbc = new_rbc + 500 WHERE session = 1 AND number = 2")
        connection.commit()


def test_a_sealed_record_is_whole_with_and_without_its_key(path: Path, key: SealKey) -> None:
    assert found(path, key) == []
    assert found(path, None) == []
    (state,) = check(path, key=key).chains
    assert (state.key, state.unsealed) == (key.name, [])


def test_links_made_anew_without_the_key_are_found(path: Path, key: SealKey, state_folder: Path) -> None:
    forge(path)
    relink(path, 1, strip=False)
    (state_folder / "hemato-edge" / "chain-heads.jsonl").unlink()  # the owner of both places
    assert found(path, None) == []  # which is why there are keys
    assert "session 1: entry 3 of its chain (field 2) was written anew without the key" in found(path, key)


def test_seals_that_were_taken_away_are_missed_beside_sealed_sessions(path: Path, key: SealKey) -> None:
    record_session(path, key)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE fields SET new_rbc = new_rbc + 500 WHERE session = 2 AND number = 2")
        connection.commit()
    relink(path, 2, strip=True)
    assert "session 2 is not sealed, though session 1 before it is" in found(path, key)


def test_a_head_outside_remembers_that_there_was_a_seal(path: Path) -> None:
    relink(path, 1, strip=True)
    assert any("it was sealed with the key" in what for what in found(path, None))


def test_a_field_without_a_seal_in_a_sealed_session_is_found(path: Path, key: SealKey) -> None:
    with closing(sqlite3.connect(path)) as connection:
        text = connection.execute("SELECT said FROM fields WHERE number = 1").fetchone()[0]
        said = json.loads(text)
        assert said.pop(SEAL)
        connection.execute("UPDATE fields SET said = ? WHERE number = 1", (chain.canonical_json(said),))
        connection.commit()
    relink(path, 1, strip=False)
    assert "session 1: entry 2 of its chain (field 1) was written without the key" in found(path, key)


def test_another_key_is_told_from_a_forgery(path: Path, key: SealKey, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    assert found(path, other) == [f"session 1 is sealed with another key ({key.name}; this one is {other.name})"]


def test_sessions_from_before_the_key_are_no_fault(tmp_path: Path, key: SealKey) -> None:
    path = tmp_path / "old.db"
    record_session(path, None)
    record_session(path, key)
    result = check(path, key=key)
    assert result.good
    assert [one.key for one in result.chains] == ["", key.name]


def test_a_person_without_the_key_may_name_cells_and_that_is_told(path: Path, key: SealKey) -> None:
    with open_writer(path) as writer:
        writer.relabel(1, 1, 0, "basophil", "Ada", NOON)
    result = check(path, key=key)
    assert result.good
    assert result.chains[0].unsealed == ["relabel"]


def test_the_key_comes_from_systemd_where_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_key(None) is None
    made = make_key(tmp_path / CREDENTIAL)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert find_key(None) == made


def test_a_key_that_others_may_read_is_none(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ConfigurationError, match="can be read by others"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"short", b"00" * 31, b"x" * 5000])
def test_a_key_of_the_wrong_length_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match="bytes"):
        read_key(file)


def test_no_key_is_written_over(tmp_path: Path) -> None:
    made = make_key(tmp_path / "key")
    with pytest.raises(StoreError, match="there already"):
        make_key(tmp_path / "key")
    assert read_key(tmp_path / "key") == made
    assert made.secret.hex() not in repr(made)
