"""Counts over MQTT, by a real broker: restarts, days offline, kills, TLS, wrong passwords, dead brokers."""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
from ports import deaf_port
from real_broker import RealBroker, Subscriber
from recorded import NOON, field_result, record, session_start
from waiting import DEADLINE_S, until

from hemato_edge.errors import StoreError
from hemato_edge.outlets.mqtt.messages import session_key
from hemato_edge.outlets.mqtt.outbox import Outbox, outbox_path
from hemato_edge.outlets.mqtt.publisher import Publisher
from hemato_edge.settings import MqttSettings
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

# paho leaves it to the garbage collector to close a connection whose handshake failed.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")


@pytest.fixture(autouse=True)
def no_connection_left_for_later() -> Iterator[None]:
    yield
    until(lambda: not any("mqtt" in thread.name for thread in threading.enumerate()), "the threads of the connection")
    gc.collect()


SENDER = Path(__file__).with_name("sender.py")
WITH_MQTT = {"mqtt.host": "127.0.0.1"}


def settings(port: int, **changes: object) -> MqttSettings:
    plain = {"host": "127.0.0.1", "port": port, "security": "none", "device": "bench-1", "every_s": 0.2}
    return MqttSettings.model_validate(plain | changes)


@contextmanager
def publishing(database: Path, port: int, **changes: object) -> Iterator[Publisher]:
    publisher = Publisher(settings(port, **changes), database)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def stored_counts(database: Path) -> dict[str, int]:
    """Key of each session → its white cells, as the store has them."""
    with Reader(database) as reader:
        return {session_key(record): reader.totals(record.id).wbc for record in reader.sessions()}


def last_heard(subscriber: Subscriber) -> dict[str, int]:
    """Key of each session → its white cells, as a subscriber ends up with them: the highest sequence wins."""
    found: dict[str, tuple[int, int]] = {}
    for message in subscriber.of_kind("counts"):
        key = str(message["session"]["key"])  # type: ignore[index]
        found[key] = max(found.get(key, (0, 0)), (int(message["sequence"]), int(message["counts"]["wbc"])))  # type: ignore[index, call-overload]
    return {key: wbc for key, (_, wbc) in found.items()}


def test_what_is_committed_arrives_and_totals_are_kept_for_latecomers(
    database: Path, broker: RealBroker, subscriber: Subscriber
) -> None:
    with open_writer(database) as writer:
        session = writer.start_session(session_start(settings=WITH_MQTT))
        with publishing(database, broker.port) as publisher:
            until(lambda: len(subscriber.ids()) >= 2, "the session's beginning")
            for index in range(5):
                writer.commit_field(session, field_result(index, ["monocyte"]), {"frames": index + 1})
            until(lambda: last_heard(subscriber) == stored_counts(database), "counts while it runs")
            writer.commit_field(session, field_result(9, ["basophil"]), {"frames": 9})
            writer.end_session(session, "finished", NOON + timedelta(hours=1))
            assert publisher.stop(DEADLINE_S)  # sends what came last
        until(lambda: subscriber.of_kind("state")[-1]["state"] == "offline", "the goodbye")
    assert last_heard(subscriber) == stored_counts(database)
    assert subscriber.of_kind("session")[-1]["state"] == "finished"
    assert len(set(subscriber.ids())) == len(subscriber.ids())
    late = Subscriber(broker.port)
    until(lambda: len(late.heard) == 3, "what is retained")
    late.close()
    retained = {topic.removeprefix("hemato-edge/bench-1/"): message for topic, keep, message in late.heard if keep}
    assert retained["counts"]["labels"]["basophil"] == 1  # type: ignore[index]
    assert (retained["session"]["state"], retained["state"]["state"]) == ("finished", "offline")


def test_a_device_that_dies_is_reported_offline_by_the_broker(
    database: Path, broker: RealBroker, subscriber: Subscriber, asked: Callable[..., int]
) -> None:
    asked()
    with sender(database, broker.port) as process:
        until(lambda: [m["state"] for m in subscriber.of_kind("state")] == ["online"], "online")
        process.kill()
        until(lambda: subscriber.of_kind("state")[-1]["state"] == "offline", "the last will")


def test_a_broker_that_restarts_in_the_middle_loses_nothing(
    database: Path, broker: RealBroker, asked: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    heard = Subscriber(broker.port)
    with publishing(database_with(database, 1), broker.port) as publisher:
        until(lambda: last_heard(heard) == stored_counts(database), "the first session")
        broker.stop()
        until(lambda: not publisher.broker.connected, "the loss is noticed")
        for _ in range(3):
            asked("lymphocyte", "lymphocyte", "monocyte")
        until(lambda: publisher.waiting == 6, "they wait")
        broker.start()
        heard.ready()
        until(lambda: publisher.idle, "all is acknowledged")
    heard.close()
    assert len(stored_counts(database)) == 4
    late = Subscriber(broker.port)
    until(lambda: late.of_kind("counts"), "what is retained")
    late.close()
    assert late.of_kind("counts")[0]["session"]["number"] == 4  # type: ignore[index]
    assert caplog.text.count("broke off") == 1


def database_with(database: Path, sessions: int) -> Path:
    for number in range(sessions):
        record(database, ["neutrophil"] * (number % 3 + 1), settings=WITH_MQTT, monotonic_s=float(number))
    return database


def test_after_days_offline_every_session_arrives_with_its_totals(database: Path, tmp_path: Path, refused: int) -> None:
    database_with(database, 60)
    with publishing(database, refused) as publisher:
        until(lambda: publisher.waiting == 120, "all wait")
    assert outbox_path(database).exists()
    (tmp_path / "late").mkdir()
    broker = RealBroker(tmp_path / "late")
    broker.start()
    heard = Subscriber(broker.port)
    with publishing(database, broker.port) as publisher:
        until(lambda: last_heard(heard) == stored_counts(database), "all 60 sessions")
        until(lambda: publisher.idle, "nothing waits any more")
    assert [m["session"]["number"] for m in heard.of_kind("counts")] == list(range(1, 61))  # type: ignore[index]
    heard.close()
    broker.stop()


@contextmanager
def sender(database: Path, port: int, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    places = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
    command = [sys.executable, str(SENDER), str(database), str(port), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_killed_between_publish_and_mark_the_same_message_comes_again(
    database: Path, broker: RealBroker, subscriber: Subscriber, asked: Callable[..., int]
) -> None:
    asked()
    with sender(database, broker.port, "die-before-mark") as process:
        assert process.wait(DEADLINE_S) == -signal.SIGKILL
    until(lambda: len(subscriber.ids()) == 2, "the broker had them")
    first = [message for _, _, message in subscriber.heard if "id" in message]
    with Outbox(outbox_path(database), "bench-1") as outbox:
        assert outbox.waiting() == 2  # not marked
    with publishing(database, broker.port) as publisher:
        until(lambda: publisher.idle, "acknowledged")
        until(lambda: len(subscriber.ids()) == 4, "they come again")
    again = [message for _, _, message in subscriber.heard if "id" in message][2:]
    assert again == first  # id and content


def test_killed_at_any_moment_nothing_is_lost_and_no_id_has_two_meanings(
    database: Path, broker: RealBroker, subscriber: Subscriber
) -> None:
    chance = random.Random(11)
    for _ in range(8):
        with sender(database, broker.port, "record") as process:
            assert process.stdout is not None
            process.stdout.readline()  # it counts
            time.sleep(chance.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
    open_writer(database).close()
    with publishing(database, broker.port) as publisher:
        until(lambda: last_heard(subscriber) == stored_counts(database), "all sessions with their last totals")
        until(lambda: publisher.idle, "acknowledged")
    meanings: dict[str, set[str]] = {}
    for _, _, message in subscriber.heard:
        if "id" in message:
            meanings.setdefault(str(message["id"]), set()).add(json.dumps(message, sort_keys=True))
    assert {len(texts) for texts in meanings.values()} == {1}
    assert len(stored_counts(database)) == 8


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def tls_lines(folder: Path, authority: trustme.CA, **validity: datetime) -> list[str]:
    """Mosquitto's lines for TLS on both sides, with a certificate of the authority for this machine."""
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = authority.issue_cert("localhost", **validity)
    server.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    server.private_key_pem.write_to_path(str(folder / "server.key"))
    files = [f"cafile {folder}/ca.pem", f"certfile {folder}/server.pem", f"keyfile {folder}/server.key"]
    return [*files, "require_certificate true", "allow_anonymous true"]


@pytest.fixture
def tls_broker(tmp_path: Path, authority: trustme.CA) -> Iterator[RealBroker]:
    """A broker that wants TLS and a certificate of ours."""
    folder = tmp_path / "tls"
    folder.mkdir()
    broker = RealBroker(folder, *tls_lines(folder, authority))
    broker.start()
    yield broker
    broker.stop()
    gc.collect()


@pytest.fixture
def certificate(tmp_path: Path, authority: trustme.CA) -> dict[str, str]:
    """The settings of a device that trusts the authority and shows a certificate of it."""
    ours = authority.issue_cert("device@example.org")
    ours.cert_chain_pems[0].write_to_path(str(tmp_path / "device.pem"))
    ours.private_key_pem.write_to_path(str(tmp_path / "device.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    return {
        "host": "localhost",
        "security": "tls",
        "ca_file": str(tmp_path / "trusted.pem"),
        "certificate_file": str(tmp_path / "device.pem"),
        "key_file": str(tmp_path / "device.key"),
    }


def test_tls_with_certificates_on_both_sides(
    database: Path, tls_broker: RealBroker, certificate: dict[str, str], asked: Callable[..., int]
) -> None:
    asked()
    with publishing(database, tls_broker.port, **certificate) as publisher:
        until(lambda: publisher.idle, "acknowledged over TLS")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ca_file": None}, "cannot be trusted"),  # the system does not know the test's authority
        ({"host": "127.0.0.1"}, "cannot be trusted"),  # the certificate is for localhost
        ({"security": "none", "ca_file": None, "certificate_file": None, "key_file": None}, "closed the connection"),
    ],
)
def test_who_cannot_be_trusted_gets_nothing(
    database: Path,
    tls_broker: RealBroker,
    certificate: dict[str, str],
    asked: Callable[..., int],
    changes: dict[str, object],
    said: str,
) -> None:
    asked()
    with publishing(database, tls_broker.port, **certificate | changes) as publisher:
        until(lambda: publisher.broker.trouble, "the refusal")
        assert said in str(publisher.broker.trouble)
        until(lambda: publisher.waiting == 2, "they wait")
        assert not publisher.broker.connected


@pytest.mark.parametrize(("days", "said"), [((-9, -1), "has expired"), ((1, 9), "not yet valid")])
def test_a_brokers_certificate_out_of_its_time_asks_for_the_date(
    *,
    database: Path,
    tmp_path: Path,
    authority: trustme.CA,
    certificate: dict[str, str],
    asked: Callable[..., int],
    days: tuple[int, int],
    said: str,
) -> None:
    folder, now = tmp_path / "dated", datetime.now(timezone.utc)
    folder.mkdir()
    begin, end = (now + timedelta(day) for day in days)
    broker = RealBroker(folder, *tls_lines(folder, authority, not_before=begin, not_after=end))
    broker.start()
    asked()
    try:
        with publishing(database, broker.port, **certificate) as publisher:
            until(lambda: publisher.broker.trouble, "the refusal")
            assert said in str(publisher.broker.trouble)
            assert "Check this device's date" in str(publisher.broker.trouble)
            until(lambda: publisher.waiting == 2, "they wait")
    finally:
        broker.stop()


def test_unverified_tls_works_when_it_is_named(
    database: Path, tls_broker: RealBroker, certificate: dict[str, str], asked: Callable[..., int]
) -> None:
    asked()
    unverified = certificate | {"security": "tls-unverified", "ca_file": None, "host": "127.0.0.1"}
    with publishing(database, tls_broker.port, **unverified) as publisher:
        until(lambda: publisher.idle, "acknowledged")


def test_tls_to_a_port_without_it_says_so(database: Path, broker: RealBroker, asked: Callable[..., int]) -> None:
    asked()
    with publishing(database, broker.port, security="tls") as publisher:
        until(lambda: publisher.broker.trouble, "the failure")
        assert "Is mqtt.port the broker's TLS port?" in str(publisher.broker.trouble)
        until(lambda: publisher.waiting == 2, "they wait")


@pytest.fixture
def guarded_broker(tmp_path: Path) -> Iterator[RealBroker]:
    """A broker that knows one user, who may write to one device's topics only."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    (folder / "users").write_text("lab:right\nwatcher:watch\n")
    subprocess.run(["mosquitto_passwd", "-U", str(folder / "users")], check=True)
    (folder / "rights").write_text("user lab\ntopic write hemato-edge/bench-1/#\nuser watcher\ntopic read #\n")
    for file in (folder / "users", folder / "rights"):
        file.chmod(0o600)
    broker = RealBroker(folder, "allow_anonymous false", f"password_file {folder}/users", f"acl_file {folder}/rights")
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_one_clear_line_and_the_right_one_sends(
    database: Path,
    guarded_broker: RealBroker,
    asked: Callable[..., int],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    protocol: str,
) -> None:
    asked()
    access = {"username": "lab", "protocol": protocol}
    with publishing(database, guarded_broker.port, **access | {"password": "wrong-secret"}) as publisher:
        until(lambda: publisher.broker.trouble, "the refusal")
        until(lambda: guarded_broker.log().count("not authorised") >= 2, "a second try is refused, too")
    lines = [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING]
    assert len(lines) == 1, lines
    assert "refused the user name or the password" in lines[0]
    assert "mqtt.password" in lines[0]
    assert "wrong-secret" not in caplog.text
    (tmp_path / "secret").write_text("right\n")
    with publishing(database, guarded_broker.port, **access, password_file=str(tmp_path / "secret")) as publisher:
        until(lambda: publisher.idle, "acknowledged")


def test_a_message_that_the_broker_refuses_is_kept(
    database: Path, guarded_broker: RealBroker, asked: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    asked()
    access = {"username": "lab", "password": "right", "device": "somebody-else"}
    with publishing(database, guarded_broker.port, **access) as publisher:
        until(lambda: "refused a message: Not authorized" in caplog.text, "the refusal")
        assert publisher.waiting == 2


def test_a_broker_that_never_answers_holds_nothing_up(
    database: Path, asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hemato_edge.outlets.mqtt.broker.KEEPALIVE_S", 3600)  # whoever waited for it would wait so long
    asked()
    with deaf_port() as port:
        publisher = Publisher(settings(port), database)
        publisher.start()
        until(lambda: publisher.waiting == 2, "they wait")
        assert not publisher.stop()
        until(lambda: not any(thread.name == "mqtt" for thread in threading.enumerate()), "its thread has ended")
    with Outbox(outbox_path(database), "bench-1") as outbox:
        assert outbox.waiting() == 2


def test_a_store_that_cannot_be_read_is_said_once_and_tried_again(
    database: Path, broker: RealBroker, asked: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    asked()
    aside = database.rename(database.with_name("aside.db"))
    with publishing(database, broker.port):
        until(lambda: "There is no database" in caplog.text, "the complaint")
    aside.rename(database)
    with publishing(database, broker.port) as publisher:
        until(lambda: publisher.idle, "sent")


def test_one_process_sends_at_a_time(database: Path, broker: RealBroker, asked: Callable[..., int]) -> None:
    asked()
    with publishing(database, broker.port), pytest.raises(StoreError, match="being written by process"):
        Publisher(settings(broker.port), database)
