"""What `run` sends and serves: nothing unless asked, and never at the price of a count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ports import deaf_port
from real_broker import RealBroker, Subscriber
from running import running
from waiting import DEADLINE_S, until

import hemato_edge
from hemato_edge.outlets.mqtt.access import address
from hemato_edge.settings import MqttSettings, resolve
from hemato_edge.store.reader import Reader

DEMO = ("run", "--camera", "demo", "--max-frames", 40, "--db", "counts.db", "--no-display", "--json")
PLAIN = {"HEMATO_EDGE_MQTT__SECURITY": "none", "HEMATO_EDGE_MQTT__DEVICE": "bench-1"}

SPY = """
import sys, threading, os
from hemato_edge.cli.main import app
seen = set()
ended = threading.Event()
def look():
    while not ended.wait(0.01):
        for fd in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{fd}")
            except OSError:
                continue
            if target.startswith("socket:"):
                seen.add(target)
threading.Thread(target=look, daemon=True).start()
try:
    app(standalone_mode=False)
finally:
    ended.set()
    loaded = {"paho", "prometheus_client", "hemato_edge.outlets"} & set(sys.modules)
    sys.stderr.write(f"\\nloaded {sorted(loaded)} sockets {len(seen)}\\n")
"""


def spied(folder: Path, *arguments: object) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", SPY, *(str(argument) for argument in (*DEMO, "--max-frames", 5, *arguments))],
        cwd=folder,
        env=environment | {"HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]


def test_off_means_nothing_is_loaded_and_no_socket_opened(tmp_path: Path) -> None:
    assert spied(tmp_path) == "loaded [] sockets 0"
    assert not (tmp_path / "counts.db.outbox").exists()


def test_the_spy_sees_what_is_on(tmp_path: Path) -> None:
    said = spied(tmp_path, "--metrics", 0)
    assert said.startswith("loaded ['hemato_edge.outlets', 'prometheus_client'] sockets")
    assert not said.endswith(" 0")


def test_the_pipeline_knows_of_no_way_out() -> None:
    for path in (Path(hemato_edge.__file__).parent / "pipeline").rglob("*.py"):
        assert "hemato_edge.outlets" not in path.read_text()


def counts_of(tmp_path: Path, name: str, *arguments: object, **variables: str) -> dict[str, object]:
    folder = tmp_path / name
    folder.mkdir()
    with running(folder, *DEMO, *arguments, **variables) as process:
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, stderr
    document: dict[str, object] = json.loads(stdout)
    return document


def test_a_dead_broker_takes_no_cell_away(tmp_path: Path, refused: int) -> None:
    alone = counts_of(tmp_path, "alone")
    nobody = counts_of(tmp_path, "nobody", "--mqtt", "127.0.0.1", **PLAIN, HEMATO_EDGE_MQTT__PORT=str(refused))
    with deaf_port() as port:
        deaf = counts_of(tmp_path, "deaf", "--mqtt", "127.0.0.1", **PLAIN, HEMATO_EDGE_MQTT__PORT=str(port))
    for other in (nobody, deaf):
        for part in ("counts", "differential", "fields", "unclassified"):
            assert other[part] == alone[part]


def test_a_run_is_heard_to_its_end(tmp_path: Path, broker: RealBroker, subscriber: Subscriber) -> None:
    alive = {**PLAIN, "HEMATO_EDGE_MQTT__PORT": str(broker.port)}
    document = counts_of(tmp_path, "heard", "--mqtt", "127.0.0.1", **alive)
    until(lambda: [m["state"] for m in subscriber.of_kind("state")] == ["online", "offline"], "the goodbye")
    assert subscriber.of_kind("counts")
    # a machine that is very busy may not send the last of it within the 2 s that an ending run takes for that
    with running(tmp_path / "heard", "mqtt", "send", "--db", "counts.db", "--mqtt", "127.0.0.1", **alive) as process:
        process.communicate(timeout=DEADLINE_S)
    until(lambda: len(subscriber.of_kind("state")) == 4, "the second goodbye")
    last = subscriber.of_kind("counts")[-1]
    assert last["counts"] == document["counts"]
    assert (last["fields"], last["state"]) == (document["fields"], "finished")


def test_send_sends_what_a_run_without_a_broker_left(
    tmp_path: Path, broker: RealBroker, subscriber: Subscriber, refused: int
) -> None:
    secrets = {"HEMATO_EDGE_MQTT__USERNAME": "the-user", "HEMATO_EDGE_MQTT__PASSWORD": "the-word"}
    dead = {**PLAIN, "HEMATO_EDGE_MQTT__PORT": str(refused)}
    document = counts_of(tmp_path, "later", "--mqtt", "127.0.0.1", **dead, **secrets)
    folder = tmp_path / "later"
    with Reader(folder / "counts.db") as reader:  # the session keeps that it was asked for, and no secret
        assert reader.session().settings["mqtt.host"] == "127.0.0.1"
        assert "the-" not in json.dumps(reader.session().settings)
    with running(folder, "mqtt", "status", "--db", "counts.db", "--json") as process:
        assert json.loads(process.communicate(timeout=DEADLINE_S)[0])["waiting"] == 2
    with running(folder, "mqtt", "send", "--db", "counts.db", "--mqtt", "127.0.0.1", **dead) as process:
        _, stderr = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 11
        assert stderr.startswith("error: Not everything was sent: nothing listens at")
        assert "2 messages wait; nothing is lost." in stderr
        assert len(stderr.splitlines()) == 1
    alive = {**PLAIN, "HEMATO_EDGE_MQTT__PORT": str(broker.port)}
    with running(folder, "mqtt", "send", "--db", "counts.db", "--mqtt", "127.0.0.1", "--json", **alive) as process:
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
        assert json.loads(stdout) == {"broker": f"127.0.0.1:{broker.port}", "sent": 2, "waiting": 0}, stderr
    until(lambda: subscriber.of_kind("counts"), "it is heard")
    assert subscriber.of_kind("counts")[-1]["counts"] == document["counts"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"MQTT__CA_FILE": "none.pem"}, "mqtt.ca_file: none.pem cannot be used: No such file"),
        ({"MQTT__CA_FILE": "text.pem"}, "mqtt.ca_file: text.pem cannot be used"),
        ({"MQTT__KEY_FILE": "text.pem"}, "mqtt.key_file is set alone"),
        ({"MQTT__CA_FILE": "text.pem", "MQTT__SECURITY": "none"}, "sends plain text"),
        ({"MQTT__PASSWORD": "secret"}, "but no user name"),
        ({"MQTT__USERNAME": "u", "MQTT__PASSWORD_FILE": "none"}, "mqtt.password_file: none cannot be used"),
        ({"MQTT__SECURITY": "off"}, "mqtt.security"),
        ({"MQTT__DEVICE": "a/b"}, "mqtt.device"),
        ({"MQTT__HOST": "mqtt://broker"}, "is no host"),
    ],
)
def test_what_cannot_work_is_refused_before_counting(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    named = {"HEMATO_EDGE_MQTT__HOST": "127.0.0.1"} | {f"HEMATO_EDGE_{name}": text for name, text in variables.items()}
    with running(tmp_path, *DEMO, **named) as process:
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 6, stderr
    (line,) = (line for line in stderr.splitlines() if line.startswith("error: "))
    assert said in line
    assert "secret" not in stderr


def test_user_and_password_are_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = tmp_path / "settings.toml"
    toml.write_text('[mqtt]\nhost = "h"\nusername = "the-user"\npassword = "the-word"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    resolved = resolve(toml)
    assert "the-" not in json.dumps(resolved.values())
    assert "the-" not in repr(resolved)
    with running(tmp_path, "config", "show", "--config", toml) as process:
        stdout, _ = process.communicate(timeout=DEADLINE_S)
    assert "mqtt.password" in stdout
    assert "the-" not in stdout
    toml.write_text('[mqtt]\npassword = ["the-word"]\n')
    with running(tmp_path, "config", "show", "--config", toml) as process:
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert "mqtt.password = …" in stderr
    assert "the-word" not in stderr


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [("paho.mqtt", ("--mqtt", "127.0.0.1"), "mqtt"), ("prometheus_client", ("--metrics", "0"), "metrics")],
)
def test_what_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, missing: str, arguments: tuple[str, ...], extra: str
) -> None:
    without = f"import sys; sys.modules[{missing!r}] = None; from hemato_edge.cli.main import main; main()"
    command = [sys.executable, "-c", without, *(str(argument) for argument in DEMO), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 7, done.stderr
    assert f"pip install 'hemato-edge[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["::1", "192.0.2.1", "broker.local", "müller.example"])
def test_names_and_addresses_that_a_broker_may_have(host: str) -> None:
    assert address(MqttSettings(host=host)) == (host, 8883)
    assert address(MqttSettings(host=host, security="none")) == (host, 1883)
