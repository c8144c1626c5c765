"""Pairing: PINs that are good once, tokens that stand in no file, devices that can be revoked."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from sites import Site, serving

from hemato_edge.web.security.access import Role
from hemato_edge.web.security.devices import IDLE, Devices
from hemato_edge.web.security.pairing import DIGITS, GOOD_S, TRIES, Pairing
from hemato_edge.web.security.rates import LIMITS, Rates
from hemato_edge.web.services import PageOptions


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Site]:
    with serving(
        PageOptions(tmp_path / "x.db", tmp_path / "door.sock", tmp_path / "web", own_token="own" * 10)
    ) as made:
        yield made


def test_20_a_pin_lets_one_device_in_and_no_second_one(fresh: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pin = Pairing(fresh.options.folder).new_pin(Role.REVIEWER)
    assert len(pin) == DIGITS
    with fresh.client(page=True) as phone:
        done = phone.post("/pair", data={"code": f"{pin[:4]} {pin[4:]}", "person": "Ada", "name": "phone <3>"})
        assert (done.status_code, done.headers["location"]) == (303, "/")
        said = done.headers["set-cookie"]
        assert "HttpOnly" in said
        assert "SameSite=strict" in said
        page = phone.get("/")
        assert page.status_code == 200
        token = phone.cookies["hemato-edge"]
    device = Devices(fresh.options.folder).find(token)
    assert device is not None
    assert (device.role, device.who, device.name) == (Role.REVIEWER, "Ada", "phone <3>")
    with fresh.client(page=True) as other:
        assert other.post("/pair", data={"code": pin}).status_code == 403
        assert other.get("/").status_code == 303
    kept = "".join(path.read_text() for path in fresh.options.folder.iterdir())
    assert pin not in kept
    assert token not in kept
    said = " ".join(one.getMessage() for one in caplog.records if not one.name.startswith("http"))  # not the client's
    assert pin not in said
    assert token not in said


def test_20_after_five_wrong_pins_the_right_one_is_wrong_too(tmp_path: Path) -> None:
    pairing = Pairing(tmp_path)
    pin = pairing.new_pin(Role.KEEPER)
    wrong = f"{(int(pin) + 1) % 10**DIGITS:0{DIGITS}}"
    assert [pairing.take(wrong) for _ in range(TRIES)] == [Role.NOBODY] * TRIES
    assert pairing.take(pin) is Role.NOBODY


def test_the_fifth_try_may_be_the_right_one(tmp_path: Path) -> None:
    pairing = Pairing(tmp_path)
    pin = pairing.new_pin(Role.COUNTER)
    for _ in range(TRIES - 1):
        pairing.take("nonsense")
    assert pairing.take(pin) is Role.COUNTER


def test_20_a_pin_is_good_for_five_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairing, now = Pairing(tmp_path), [1_000_000.0]
    monkeypatch.setattr("hemato_edge.web.security.pairing.time.time", lambda: now[0])
    pin = pairing.new_pin(Role.VIEWER)
    now[0] += GOOD_S + 1
    assert pairing.take(pin) is Role.NOBODY
    pin = pairing.new_pin(Role.VIEWER)
    now[0] += GOOD_S - 1
    assert pairing.take(pin) is Role.VIEWER


def test_the_own_token_is_good_again_and_again_and_gives_the_keepers_role(fresh: Site) -> None:
    for _ in range(3):
        with fresh.client(page=True) as browser:
            assert browser.post("/pair", data={"code": "own" * 10}).status_code == 303
    assert {device.role for device in Devices(fresh.options.folder).all()} == {Role.KEEPER}


def test_guessing_is_slowed_down(fresh: Site) -> None:
    with fresh.client() as guesser:
        statuses = [guesser.post("/pair", data={"code": f"{n:08}"}).status_code for n in range(8)]
    assert statuses == [403] * LIMITS["pair"].most + [429] * 3


def test_the_wait_doubles_for_who_goes_on_guessing() -> None:
    now = [0.0]
    rates = Rates(clock=lambda: now[0])
    waits = []
    for _ in range(3):
        while not (wait := rates.wait_s("pair", "10.0.0.7")):
            pass
        waits.append(wait)
        now[0] += wait
    assert waits == [60.0, 120.0, 240.0]


def test_20_a_revoked_device_is_out_at_its_next_request(fresh: Site) -> None:
    with fresh.client(Role.KEEPER) as phone:
        assert phone.get("/").status_code == 200
        device = Devices(fresh.options.folder).all()[0]
        assert Devices(fresh.options.folder).revoke(device.id)
        assert phone.get("/").status_code == 401


def test_leaving_forgets_the_device(fresh: Site) -> None:
    with fresh.client(Role.VIEWER, page=True) as phone:
        assert phone.post("/leave").headers["location"] == "/pair"
        assert phone.get("/").status_code == 303
    assert Devices(fresh.options.folder).all() == []


def test_the_list_of_devices_is_for_its_owner_only(tmp_path: Path) -> None:
    Devices(tmp_path / "web").add("phone", "Ada", Role.VIEWER)
    assert stat.S_IMODE((tmp_path / "web" / "devices.json").stat().st_mode) == 0o600


def test_a_device_that_was_away_too_long_is_paired_anew(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    token = devices.add("phone", "Ada", Role.VIEWER)
    assert devices.find(token) is not None
    file = tmp_path / "devices.json"
    said = json.loads(file.read_text())
    for one in said.values():
        one["seen"] = (datetime.now(timezone.utc) - IDLE - timedelta(minutes=1)).isoformat()
    file.write_text(json.dumps(said))
    assert devices.find(token) is None


def test_a_bearer_token_needs_no_form_token(fresh: Site) -> None:
    token = fresh.token(Role.COUNTER)
    with httpx.Client(base_url=fresh.address, headers={"authorization": f"Bearer {token}"}) as program:
        refused = program.post("/session/stop")
        assert refused.status_code == 503
        assert "Nothing runs behind the door" in refused.json()["error"]
        assert program.get("/", headers={"authorization": "Bearer nonsense"}).status_code == 401
