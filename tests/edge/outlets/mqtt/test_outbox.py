"""The outbox: what goes in, what replaces what, and what becomes of a bad file."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from recorded import NOON, field_result, session_start

from hemato_edge.errors import StoreError
from hemato_edge.outlets.mqtt.messages import session_key
from hemato_edge.outlets.mqtt.outbox import Outbox, outbox_path
from hemato_edge.outlets.mqtt.outbox_feed import Filler
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

WITH_MQTT = {"mqtt.host": "broker.local"}


def opened(database: Path) -> Outbox:
    return Outbox(outbox_path(database), "bench-1")


def fill(outbox: Outbox, database: Path, *, renew: bool = True, limit: int = 100, with_label: bool = False) -> bool:
    with Reader(database) as reader:
        return Filler(outbox, limit, with_label=with_label).fill(reader, renew=renew)


def payloads(outbox: Outbox, limit: int = 1000) -> list[dict[str, object]]:
    return [json.loads(message.payload) for message in outbox.next(limit)]


def send_all(outbox: Outbox) -> list[str]:
    """As a broker that is always there would take them; the ids in order."""
    ids = []
    while messages := outbox.next(20):
        outbox.hand_over(messages)
        outbox.acknowledge([message.number for message in messages])
        ids += [message.id for message in messages]
    return ids


def test_a_session_becomes_two_messages_with_what_the_store_has(database: Path, asked) -> None:
    asked("neutrophil", "unclassified", "erythroblast", "platelet")
    with opened(database) as outbox, Reader(database) as reader:
        assert fill(outbox, database)
        session, counts = payloads(outbox)
        key = session_key(reader.session())
        assert session["id"] == f"{outbox.epoch}-{key}-session-1"
        assert counts["id"] == f"{outbox.epoch}-{key}-counts-1"
    assert (session["kind"], session["device"], session["state"]) == ("session", "bench-1", "finished")
    assert session["session"] == {"number": 1, "key": key}
    assert session["started_utc"] == "2026-03-01T12:00:00.000Z"
    assert counts["counts"] == {"wbc": 2, "rbc": 100, "platelet": 8}
    assert counts["frames"] == {"read": 4, "dropped": 1, "rejected": {"out_of_focus": 1}}
    assert counts["classified"] == 1
    labels = counts["labels"]
    assert isinstance(labels, dict)
    assert (labels["neutrophil"], labels["unclassified"], labels["eosinophil"]) == (1, 1, 0)
    assert "For Research Use Only" in str(counts["notice"])


@pytest.mark.parametrize("wanted", [False, True])
def test_the_samples_label_leaves_only_when_asked(database: Path, asked, wanted: bool) -> None:
    asked(label="Ada Lovelace, ward 3")
    with opened(database) as outbox:
        fill(outbox, database, with_label=wanted)
        assert ("Ada Lovelace" in str(payloads(outbox))) is wanted


def test_a_session_recorded_without_mqtt_is_never_told(database: Path, asked) -> None:
    asked(settings={"mqtt.host": None})
    asked(settings={"camera.spec": "demo"})
    asked()
    with opened(database) as outbox:
        fill(outbox, database)
        assert {message["session"]["number"] for message in payloads(outbox)} == {3}  # type: ignore[index]


def test_nothing_new_is_nothing_to_tell(database: Path, asked) -> None:
    asked()
    with opened(database) as outbox:
        fill(outbox, database)
        assert len(send_all(outbox)) == 2
    with opened(database) as outbox:  # also by another process
        fill(outbox, database)
        assert outbox.waiting() == 0


def test_what_waits_is_replaced_and_what_was_handed_over_is_not(database: Path) -> None:
    with open_writer(database) as writer, opened(database) as outbox:
        session = writer.start_session(session_start(settings=WITH_MQTT))
        for index in range(3):
            writer.commit_field(session, field_result(index, ["monocyte"]), {"frames": index + 1})
            fill(outbox, database)
        waiting = payloads(outbox)
        assert [message["kind"] for message in waiting] == ["session", "counts"]
        assert (waiting[1]["sequence"], waiting[1]["fields"]) == (3, 3)
        outbox.hand_over(outbox.next(10))
        for index in range(3, 6):
            writer.commit_field(session, field_result(index, ["monocyte"]), {"frames": index + 1})
            fill(outbox, database)
        assert outbox.waiting() == 3
        assert payloads(outbox) == waiting  # the newer counts wait for the older
        outbox.acknowledge([message.number for message in outbox.next(10)])
        (last,) = payloads(outbox)
        assert (last["sequence"], last["fields"]) == (6, 6)


def test_what_was_handed_over_keeps_id_and_bytes_in_the_next_process(database: Path) -> None:
    with open_writer(database) as writer:
        session = writer.start_session(session_start(settings=WITH_MQTT))
        with opened(database) as outbox:
            fill(outbox, database)
            before = outbox.next(10)
            outbox.hand_over(before)
        writer.commit_field(session, field_result(0, ["monocyte"]), {"frames": 1})
        with opened(database) as outbox:
            fill(outbox, database)
            assert outbox.next(10) == before
            assert outbox.waiting() == 3


def test_offline_the_waiting_counts_are_left_until_the_session_ends(database: Path) -> None:
    with open_writer(database) as writer, opened(database) as outbox:
        session = writer.start_session(session_start(settings=WITH_MQTT))
        fill(outbox, database, renew=False)
        writer.commit_field(session, field_result(0, ["monocyte"]), {"frames": 1})
        fill(outbox, database, renew=False)
        assert payloads(outbox)[1]["fields"] == 0
        writer.end_session(session, "finished", NOON + timedelta(hours=1))
        fill(outbox, database, renew=False)
        told = {message["kind"]: message for message in payloads(outbox)}
        assert (told["counts"]["fields"], told["counts"]["state"], told["session"]["state"]) == (
            1,
            "finished",
            "finished",
        )


def test_a_full_outbox_drops_nothing_the_rest_waits_in_the_store(database: Path, asked) -> None:
    for _ in range(12):
        asked()
    with opened(database) as outbox:
        whole, told = fill(outbox, database, limit=10), []
        assert not whole
        while not whole:
            assert outbox.waiting() <= 10
            told += [int(part["session"]["number"]) for part in payloads(outbox) if part["kind"] == "counts"]  # type: ignore[index]
            send_all(outbox)
            whole = fill(outbox, database, limit=10)
        told += [int(part["session"]["number"]) for part in payloads(outbox) if part["kind"] == "counts"]  # type: ignore[index]
    assert told == list(range(1, 13))


def test_only_the_newest_session_is_retained(database: Path, asked) -> None:
    asked()
    asked()
    with opened(database) as outbox:
        fill(outbox, database)
        assert [message.retain for message in outbox.next(10)] == [False, False, True, True]


def test_a_review_of_an_ended_session_is_told(database: Path, asked) -> None:
    session = asked("neutrophil", "monocyte")
    with opened(database) as outbox:
        fill(outbox, database)
        send_all(outbox)
        with open_writer(database) as writer:
            writer.relabel(session, 0, 0, "basophil", "Ada", NOON)
        fill(outbox, database)
        (counts,) = payloads(outbox)
        assert (counts["labels"]["basophil"], counts["sequence"], counts["reviewed"]) == (1, 2, 1)  # type: ignore[index]
        send_all(outbox)
        fill(outbox, database)
        assert outbox.waiting() == 0


def test_another_store_in_the_same_place_is_told_from_its_beginning(database: Path, asked) -> None:
    for _ in range(3):
        asked()
    with opened(database) as outbox:
        fill(outbox, database)
        first = send_all(outbox)
    database.unlink()
    asked(monotonic_s=77.0)
    with opened(database) as outbox:
        fill(outbox, database)
        second = send_all(outbox)
    assert len(second) == 2
    assert not set(first) & set(second)


def test_a_killed_session_is_told_as_interrupted_and_again_when_its_end_is_known(database: Path) -> None:
    with open_writer(database) as writer:
        session = writer.start_session(session_start(settings=WITH_MQTT))
        writer.commit_field(session, field_result(0, ["monocyte"]), {"frames": 1})
    with opened(database) as outbox:
        fill(outbox, database)
        assert [message["state"] for message in payloads(outbox)] == ["interrupted", "interrupted"]
        send_all(outbox)
        open_writer(database).close()  # the next daemon records it
        fill(outbox, database)
        (told,) = payloads(outbox)
        assert (told["kind"], told["ended_utc"]) == ("session", "2026-03-01T12:00:00.000Z")
        send_all(outbox)
        fill(outbox, database)
        assert outbox.progress().next_session == session + 1


@pytest.mark.parametrize("rubbish", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_damaged_outbox_is_kept_aside_and_its_sessions_are_told_anew(
    database: Path, asked, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    asked()
    with opened(database) as outbox:
        fill(outbox, database)
        first = send_all(outbox)
    path = outbox_path(database)
    path.write_bytes(rubbish)
    with caplog.at_level(logging.WARNING), opened(database) as outbox:
        fill(outbox, database)
        second = send_all(outbox)
    assert (path.parent / "counts.db.outbox.damaged-1").read_bytes() == rubbish
    assert "is damaged: kept as" in caplog.text
    assert len(second) == 2
    assert not set(first) & set(second)  # numbered anew, so under other ids: nobody takes them for copies


def test_one_that_was_only_begun_is_finished(database: Path, asked, caplog: pytest.LogCaptureFixture) -> None:
    asked()
    outbox_path(database).touch()
    with opened(database) as outbox:
        fill(outbox, database)
        assert outbox.waiting() == 2
    assert not caplog.text


def test_another_programs_database_is_kept_aside(database: Path) -> None:
    with closing(sqlite3.connect(outbox_path(database))) as connection:
        connection.execute("CREATE TABLE letters (text)")
    opened(database).close()
    with closing(sqlite3.connect(f"{outbox_path(database)}.damaged-1")) as connection:
        assert connection.execute("SELECT * FROM letters").fetchall() == []


def test_a_second_process_is_refused(database: Path) -> None:
    with opened(database), pytest.raises(StoreError, match="being written by process"):
        opened(database)


def test_every_write_is_synchronous_and_logged_ahead(database: Path) -> None:
    with opened(database) as outbox:
        connection = outbox._connection
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
