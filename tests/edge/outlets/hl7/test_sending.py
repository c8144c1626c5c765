"""Reports to a receiver that is another library's: acknowledged, refused, silent, gone; nothing lost, nothing twice."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trustme
from ports import deaf_port, own_port, refusing_port
from recorded import NOON, record
from typer.testing import CliRunner

from hemato_edge.cli.sending.hl7 import Outcome, app, send_due
from hemato_edge.errors import OutletError
from hemato_edge.outlets.hl7.acknowledged import acknowledged_path
from hemato_edge.outlets.hl7.mllp import acknowledgement
from hemato_edge.settings import Hl7Settings
from hemato_edge.store.writer import open_writer

hl7 = pytest.importorskip("hl7", reason="the library hl7 is not installed")
mllp = pytest.importorskip("hl7apy.mllp", reason="hl7apy is not installed")
WITH_HL7 = {"hl7.host": "127.0.0.1"}


class Laboratory:
    """A receiver; answers each report with `code`."""

    def __init__(self, code: str = "AA") -> None:
        self.code = code
        self.heard: list[str] = []
        laboratory = self

        class Handler(mllp.AbstractHandler):  # type: ignore[misc, name-defined]
            def reply(self) -> str:
                laboratory.heard.append(self.incoming_message)
                control = str(hl7.parse(self.incoming_message).segment("MSH")[10])
                head = "MSH|^~\\&|LIS|LAB|hemato-edge||20260301||ACK^R01^ACK|1|T|2.5.1"
                return f"\x0b{head}\rMSA|{laboratory.code}|{control}|no\r\x1c\r"

        self.port = own_port()
        self._server = mllp.MLLPServer("127.0.0.1", self.port, {"ORU^R01^ORU_R01": (Handler,)})
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def encrypt(self, context: ssl.SSLContext) -> None:
        """TLS from the next connection on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiving(code: str = "AA") -> Iterator[Laboratory]:
    laboratory = Laboratory(code)
    try:
        yield laboratory
    finally:
        laboratory.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    for label in ("tube 1", "tube 2"):
        record(made, ["neutrophil"] * 3, label=label, settings=WITH_HL7)
    record(made, ["monocyte"], label="not asked for")
    return made


def settings(port: int, **changes: object) -> Hl7Settings:
    plain = {"host": "127.0.0.1", "port": port, "security": "none", "approved_only": False}
    return Hl7Settings.model_validate(plain | changes)


def sent(path: Path, port: int, **changes: object) -> Outcome:
    return send_due(settings(port, **changes), path, 60.0)


def labels(laboratory: Laboratory) -> list[str]:
    return [str(hl7.parse(one).segment("SPM")[2][0][1]) for one in laboratory.heard]


def test_each_report_arrives_once_and_again_when_it_changes(path: Path) -> None:
    with receiving() as laboratory:
        assert sent(path, laboratory.port).sent == 2
        assert labels(laboratory) == ["tube 1", "tube 2"]
        assert sent(path, laboratory.port).sent == 0
        with open_writer(path) as writer:
            writer.relabel(1, 0, 0, "basophil", "Ada", NOON)
        assert sent(path, laboratory.port).sent == 1
        assert labels(laboratory) == ["tube 1", "tube 2", "tube 1"]


def test_a_report_that_was_taken_is_not_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as laboratory:
        assert sent(path, laboratory.port).sent == 2
        with monkeypatch.context() as patch:
            patch.setattr("hemato_edge.views.report.build.build_report", made_again)
            assert sent(path, laboratory.port).sent == 0


def made_again(reader: object, session: int) -> None:
    raise AssertionError(f"the report of session {session} was made again")


def test_what_the_report_does_not_hold_sends_none(path: Path) -> None:
    with receiving() as laboratory:
        assert sent(path, laboratory.port).sent == 2
        with open_writer(path) as writer:
            writer.describe(1, "Ada", NOON, {"comment": "the second drop of the tube"})
        assert sent(path, laboratory.port).sent == 0
        assert len(laboratory.heard) == 2


def test_a_file_of_the_first_layout_goes_on(path: Path) -> None:
    with receiving() as laboratory:
        assert sent(path, laboratory.port).sent == 2
        as_it_was_first(acknowledged_path(path))
        with refusing_port() as port:
            assert sent(path, port).waiting == 0
        with open_writer(path) as writer:
            writer.relabel(2, 0, 0, "basophil", "Ada", NOON)
        assert sent(path, laboratory.port).sent == 1
    assert labels(laboratory) == ["tube 1", "tube 2", "tube 2"]


def as_it_was_first(file: Path) -> None:
    """Before the column `link`."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE acknowledged DROP COLUMN link")


def test_what_is_not_acknowledged_waits_and_is_sent_later(path: Path) -> None:
    with refusing_port() as port:
        outcome = sent(path, port)
    assert (outcome.sent, outcome.waiting) == (0, 2)
    assert outcome.trouble is not None
    with receiving() as laboratory:
        assert sent(path, laboratory.port).sent == 2


def test_a_receiver_that_says_nothing_costs_its_bound_of_time_alone(path: Path) -> None:
    with deaf_port() as port:
        outcome = sent(path, port, timeout_s=0.3)
    assert (outcome.sent, outcome.waiting) == (0, 2)


def test_a_refused_report_is_told_and_not_sent_again_unless_asked(path: Path) -> None:
    with receiving("AE") as laboratory:
        outcome = sent(path, laboratory.port)
        assert set(outcome.refused) == {1, 2}
        assert "AE no" in outcome.refused[1]
        assert sent(path, laboratory.port).refused == {}
        laboratory.code = "AA"
        assert send_due(settings(laboratory.port), path, 60.0, again=True).sent == 2


@contextmanager
def receiving_by_tls(authority: trustme.CA, name: str) -> Iterator[Laboratory]:
    """A receiver behind TLS, with a certificate for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    laboratory = Laboratory()
    laboratory.encrypt(context)
    try:
        yield laboratory
    finally:
        laboratory.close()


def authority_file(folder: Path, authority: trustme.CA) -> Path:
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def test_reports_go_by_tls_to_whom_the_authority_vouches_for(path: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    ca_file = authority_file(tmp_path, authority)
    with receiving_by_tls(authority, "127.0.0.1") as laboratory:
        assert sent(path, laboratory.port, security="tls", ca_file=ca_file).sent == 2
    assert labels(laboratory) == ["tube 1", "tube 2"]


@pytest.mark.parametrize(
    ("name", "stranger", "why"),
    [
        ("lis.example.org", False, "IP address mismatch"),  # another machine's certificate
        ("127.0.0.1", True, "unable to get local issuer|self.signed"),  # nobody whom we know vouches for it
    ],
)
def test_a_receiver_with_another_certificate_gets_no_report(
    path: Path, tmp_path: Path, name: str, stranger: bool, why: str
) -> None:
    authority = trustme.CA()
    ca_file = authority_file(tmp_path, authority)
    with receiving_by_tls(trustme.CA() if stranger else authority, name) as laboratory:
        outcome = sent(path, laboratory.port, security="tls", ca_file=ca_file)
    assert (outcome.sent, outcome.waiting, laboratory.heard) == (0, 2, [])
    assert re.search(why, str(outcome.trouble))


def test_plain_text_at_the_port_of_tls_is_told(path: Path) -> None:
    with receiving() as laboratory:
        outcome = sent(path, laboratory.port, security="tls", timeout_s=2)
    assert (outcome.sent, outcome.waiting, laboratory.heard) == (0, 2, [])


def test_only_approved_sessions_go_unless_it_is_set_otherwise(path: Path) -> None:
    with receiving() as laboratory:
        outcome = sent(path, laboratory.port, approved_only=True)
        assert (outcome.sent, outcome.unapproved) == (0, 2)
        with open_writer(path) as writer:
            writer.approve(2, "Ada", NOON)
        assert sent(path, laboratory.port, approved_only=True).sent == 1
        assert labels(laboratory) == ["tube 2"]
        with open_writer(path) as writer:
            writer.relabel(2, 0, 0, "basophil", "Ada", NOON)
        assert sent(path, laboratory.port, approved_only=True).unapproved == 2


def test_an_acknowledgement_of_another_message_is_none(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            with line:
                line.recv(65_536)
                line.sendall(b"\x0bMSH|^~\\&|a|b|c|d|2026||ACK|1|T|2.5.1\rMSA|AA|other\r\x1c\r")

        thread = threading.Thread(target=answer)
        thread.start()
        outcome = sent(path, server.getsockname()[1])
        thread.join()
    assert outcome.sent == 0
    assert "another message" in str(outcome.trouble)


@pytest.mark.parametrize("text", ["", "hello", "MSH", "MSH|^~\\&|\rMSA|AA", "PID|1\rMSA|AA|1"])
def test_what_is_no_acknowledgement_is_refused(text: str) -> None:
    with pytest.raises(OutletError, match="no acknowledgement"):
        acknowledgement(text)


def test_the_separators_of_the_receiver_count() -> None:
    assert acknowledgement("MSH#^~\\&#LIS\rMSA#AR#7#full") == ("AR", "7", "full")


def test_the_command_says_what_it_did(path: Path, tmp_path: Path) -> None:
    with receiving() as laboratory:
        config = tmp_path / "config.toml"
        config.write_text(f'[hl7]\nport = {laboratory.port}\nsecurity = "none"\napproved_only = false\n')
        arguments = ["send", "--db", str(path), "--config", str(config), "--hl7", "127.0.0.1", "--json"]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout) == {"sent": 2, "refused": {}, "waiting": 0, "unapproved": 0}
