"""What the doctor says of the page, with a real door and a real certificate."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from hemato_edge.doctor.findings import Status
from hemato_edge.doctor.page_probes import door, page
from hemato_edge.doctor.subject import Subject, this_user
from hemato_edge.door.messages import Answer
from hemato_edge.door.server import Door
from hemato_edge.settings import Settings
from hemato_edge.web.security.certificate import CERTIFICATE_FOR, certificate_for

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a person may set; nothing is bound to it here


def subject(tmp_path: Path, **web: object) -> Subject:
    settings = Settings.model_validate({"door": {"path": tmp_path / "d.sock"}, "web": {"folder": tmp_path, **web}})
    return Subject(settings=settings, user=this_user())


def test_a_door_that_answers_one_that_was_left_and_none(tmp_path: Path) -> None:
    asked = subject(tmp_path)
    assert next(door(asked)).status is Status.SKIP
    with Door(tmp_path / "d.sock", {"state": lambda _: Answer({"phase": "waiting"})}):
        found = next(door(asked))
        assert found.status is Status.PASS
        assert "waiting" in found.said
    (tmp_path / "d.sock").touch()
    assert next(door(asked)).status is Status.FAIL


def test_who_may_reach_the_page(tmp_path: Path) -> None:
    assert "only this machine" in next(page(subject(tmp_path))).said
    plain = next(page(subject(tmp_path, host=EVERYWHERE, security="none")))
    assert plain.status is Status.WARN
    assert "read along" in plain.said
    assert next(page(subject(tmp_path, host=EVERYWHERE))).status is Status.PASS


@pytest.mark.parametrize(
    ("later", "status"),
    [
        (timedelta(), Status.PASS),
        (CERTIFICATE_FOR - timedelta(days=5), Status.WARN),
        (CERTIFICATE_FOR + timedelta(days=1), Status.FAIL),
    ],
)
def test_the_end_of_its_certificate(tmp_path: Path, later: timedelta, status: Status) -> None:
    now = datetime.now(timezone.utc)
    certificate_for(tmp_path, ["localhost"], now)
    assert next(page(subject(tmp_path, host=EVERYWHERE), now + later)).status is status


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_text("nonsense")
    found = next(page(subject(tmp_path, host=EVERYWHERE)))
    assert found.status is Status.FAIL
    assert found.fix
