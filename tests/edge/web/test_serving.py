"""The page on the network: a certificate of its own that a browser's rules accept, and names it answers to."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from processes import process
from sites import PATIENCE_S, until

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import State
from hemato_edge.door.messages import DoorError
from hemato_edge.settings import Settings
from hemato_edge.web.security.access import Role, WebError
from hemato_edge.web.security.certificate import CERTIFICATE_FOR, certificate_for
from hemato_edge.web.security.pairing import Pairing
from hemato_edge.web.serving import listening, plan, server

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a person may set; nothing is bound to it here
NAMES = ["127.0.0.1", "localhost", "microscope-3.local"]


def test_the_certificate_is_kept_and_made_anew_in_its_last_month_or_for_other_names(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    first = certificate_for(tmp_path, NAMES, now)
    content = first.chain.read_bytes()
    assert certificate_for(tmp_path, NAMES, now).chain.read_bytes() == content
    late = certificate_for(tmp_path, NAMES, now + CERTIFICATE_FOR - timedelta(days=20))
    renewed = late.chain.read_bytes()
    assert renewed != content
    assert late.fingerprint == first.fingerprint, "the authority that phones were given stays"
    assert certificate_for(tmp_path, [*NAMES, "10.0.0.7"], now).chain.read_bytes() != renewed
    for key in tmp_path.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_damaged_certificate_is_one_error(tmp_path: Path) -> None:
    certificate_for(tmp_path, NAMES)
    (tmp_path / "certificate.pem").write_text("nonsense")
    with pytest.raises(WebError, match="cannot be read"):
        certificate_for(tmp_path, NAMES)


def settings(tmp_path: Path, **web: object) -> Settings:
    return Settings.model_validate(
        {"web": {"folder": tmp_path, "port": 0, **web}, "store": {"path": tmp_path / "x.db"}}
    )


def test_the_loopback_is_plain_with_a_token_and_the_network_is_not(tmp_path: Path) -> None:
    own = plan(settings(tmp_path))
    assert (own.options.secure, own.options.loopback) == (False, True)
    assert own.options.own_token is not None
    outside = plan(settings(tmp_path, host=EVERYWHERE, names=["microscope.example.org"]))
    assert (outside.options.secure, outside.options.own_token) == (True, None)
    assert "microscope.example.org" in outside.options.hosts
    open_to_all = plan(settings(tmp_path, host=EVERYWHERE, security="none"))
    assert not open_to_all.options.secure


def test_a_browser_that_knows_the_authority_trusts_the_page_and_the_cookie_is_bound_to_it(tmp_path: Path) -> None:
    serving, bound = listening(plan(settings(tmp_path, security="tls")))
    assert serving.certificate is not None
    made = server(serving)
    thread = threading.Thread(target=made.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    until(lambda: made.started)
    trusting = ssl.create_default_context(cafile=str(serving.certificate.authority))
    address = f"https://127.0.0.1:{serving.port}"
    pin = Pairing(tmp_path).new_pin(Role.VIEWER)
    with httpx.Client(base_url=address, verify=trusting, headers={"origin": address}, timeout=PATIENCE_S) as phone:
        done = phone.post("/pair", data={"code": pin})
        assert done.status_code == 303
        assert done.headers["set-cookie"].startswith("__Host-hemato-edge=")
        assert "Secure" in done.headers["set-cookie"]
        assert phone.get("/", headers={"accept": "text/html"}).status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(address)
    made.should_exit = True
    thread.join(PATIENCE_S)
    bound.close()


@contextmanager
def command(tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`hemato-edge web` as a process of its own, with a home of its own."""
    told = [sys.executable, "-m", "hemato_edge.cli.main", "web", "--port", "0", *options]
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    home = plain | {"HOME": str(tmp_path), "HEMATO_EDGE_DOOR__PATH": str(tmp_path / "door.sock")}
    with process(told, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as page:
        yield page


def test_a_page_without_a_run_says_how_to_start_one(tmp_path: Path) -> None:
    with command(tmp_path) as page:
        assert page.stderr is not None
        assert "hemato-edge run --wait" in page.stderr.readline()


def test_a_page_with_a_camera_has_a_run_behind_it(tmp_path: Path) -> None:
    def waits() -> bool:
        with DoorClient(tmp_path / "door.sock", "test") as client:
            try:
                return client.ask(State()).told["phase"] == "waiting"
            except DoorError:
                return False

    with command(tmp_path, "--camera", "live-demo"):
        until(waits, "the run")
        with command(tmp_path, "--camera", "live-demo") as second:
            assert second.stderr is not None
            assert "has the door" in second.stderr.readline()
            assert second.wait(PATIENCE_S) == WebError.exit_code
    until(lambda: not _runs_of(tmp_path), "the run has ended with its page")


def test_the_demo_counts_on_a_device_that_was_never_used(tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path / "new"), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    words = [sys.executable, "-m", "hemato_edge.cli.main", "web", "--demo", "--port", "0"]
    with process(words, env=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as page:
        assert page.stdout is not None
        address, _, code = page.stdout.readline().removeprefix("Open ").strip().partition("/pair?now#code=")
        headers = {"origin": address, "accept": "text/html"}
        with httpx.Client(base_url=address, headers=headers, timeout=PATIENCE_S) as phone:
            phone.post("/pair", data={"code": code})
            until(lambda: "start-button" in phone.get("/").text, "the run of the demo")


def test_a_page_that_is_stopped_before_it_serves_leaves_no_run_behind(tmp_path: Path) -> None:
    with command(tmp_path, "--camera", "live-demo"):
        until(lambda: bool(_runs_of(tmp_path)), "the run begins")
    until(lambda: not _runs_of(tmp_path), "the run has ended with its page")


def _runs_of(folder: Path) -> list[str]:
    """Processes of `run` whose door lies in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            words = place.read_bytes().decode(errors="replace").split("\0")
            if "run" in words and str(folder / "door.sock") in words:
                found.append(place.parent.name)
    return found


def test_a_port_that_is_taken_is_one_error(tmp_path: Path) -> None:
    serving, bound = listening(plan(settings(tmp_path)))
    with bound:
        bound.listen()
        taken = plan(settings(tmp_path), port=serving.port)
        with pytest.raises(WebError, match="port"):
            listening(taken)


def test_freed_memory_goes_back_to_the_system() -> None:
    """Blocks that are freed one by one, each larger than the last: glibc would keep the later ones."""
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from hemato_edge.web.serving import give_memory_back\n"
        "resident = lambda: int(re.search(r'VmRSS:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "if sys.argv[1] == 'back': give_memory_back()\n"
        "for mb in range(1, 17): bytearray(mb << 20)\n"
        "before = resident()\n"
        "held = [bytearray(b'x') * (1 << 20) for _ in range(20)]\n"
        "pin = bytearray(b'x') * 100\n"
        "del held[:19]\n"
        "print(resident() - before)\n"
    )
    kept, back = (
        int(subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "back")
    )
    assert back < 2048
    assert kept > 4 * back
