"""The examination: probes are independent, bounded, and one that breaks is a finding of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hemato_edge.device.machine import Machine
from hemato_edge.doctor.child import ask_python
from hemato_edge.doctor.examination import examine, is_good
from hemato_edge.doctor.findings import Finding, Status, failed, passed, skipped, warned
from hemato_edge.doctor.probes import PROBES
from hemato_edge.doctor.subject import Subject


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(Machine(tmp_path))


def fine(subject: Subject) -> Iterator[Finding]:
    yield passed("fine", "well")


def broken(subject: Subject) -> Iterator[Finding]:
    yield passed("broken", "so far")
    raise OSError(5, "Input/output error")


def test_a_probe_that_raises_is_a_failure_of_its_own(subject: Subject) -> None:
    findings = examine(subject, {"broken": broken, "fine": fine}, limit_s=120)
    assert [(f.probe, f.status) for f in findings] == [("broken", Status.FAIL), ("fine", Status.PASS)]
    assert "OSError: [Errno 5] Input/output error" in findings[0].said


def test_a_probe_that_hangs_costs_the_others_nothing(subject: Subject) -> None:
    let_go = threading.Event()

    def hanging(subject: Subject) -> Iterator[Finding]:
        let_go.wait()
        yield passed("hanging", "late")

    try:
        findings = examine(subject, {"fine": fine, "hanging": hanging}, limit_s=5.0)
    finally:
        let_go.set()
    assert [(f.probe, f.status) for f in findings] == [("fine", Status.PASS), ("hanging", Status.WARN)]
    assert "no answer within 5 s" in findings[1].said


def test_good_means_that_nothing_fails() -> None:
    assert is_good([passed("a", "b"), warned("a", "b", "c"), skipped("a", "b")])
    assert not is_good([passed("a", "b"), failed("a", "b", "c")])


def test_a_warning_without_a_fix_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="needs a fix"):
        warned("a", "b", "")


def test_an_empty_machine_breaks_no_probe(subject: Subject) -> None:
    findings = examine(subject, PROBES, limit_s=120)
    assert [f.said for f in findings if "the probe itself broke" in f.said] == []
    assert {f.probe for f in findings} >= set(PROBES) - {"model"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "it crashed (SIGSEGV)"),
        ("raise SystemError('numpy')", "SystemError: numpy"),
        ("print('[]')", "it ended with 0 and said nothing"),
        ("raise SystemExit(3)", "it ended with 3 and said nothing"),
    ],
)
def test_a_crash_in_a_process_of_its_own_is_told(code: str, reason: str) -> None:
    assert ask_python("-c", code, limit_s=60) == (None, reason)


def test_a_process_of_its_own_answers_or_is_stopped() -> None:
    assert ask_python("-c", "print('noise'); print('{\"a\": 1}')", limit_s=60) == ({"a": 1}, "")
    assert ask_python("-c", "import time; time.sleep(600)", limit_s=0.3) == (None, "it took longer than 0.3 s")


def test_what_was_said_before_a_crash_is_kept() -> None:
    code = "import os, signal; print('{\"a\": 1}', flush=True); os.kill(os.getpid(), signal.SIGILL)"
    assert ask_python("-c", code, limit_s=60) == ({"a": 1}, "it crashed (SIGILL)")
