"""Check 6 of the page: each message on the live picture is brought about by what it tells of, behind a real run.

A camera that is staged by the test gives the frames; see `staged_camera`.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sites import Site, phase, serving
from staged_camera import ELSEWHERE, GONE, STILL, known

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Start, State, Stop
from hemato_edge.pipeline.calibrated import OTHER_SIZE
from hemato_edge.pipeline.field import NO_SCALE
from hemato_edge.pipeline.running.viewfinder import KNOWN_GROUND
from hemato_edge.vision import colours, quality
from hemato_edge.wall_clock import CLOCK_SET
from hemato_edge.web.demo import Runs
from hemato_edge.web.security.access import Role
from hemato_edge.web.services import PageOptions
from hemato_edge.web.sources import device_status

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TEXT = (Path(str(files("hemato_edge.web"))) / "templates" / "picture.html").read_text(encoding="utf-8")
MESSAGES = re.findall(r'data-message="(\w+)"', TEXT)
GATE = (
    *(quality.OUT_OF_FOCUS, quality.MOVING, quality.TOO_DARK, quality.SATURATED, quality.TOO_DENSE, quality.EMPTY),
    *(colours.NEGATIVE, colours.CHANNELS_SWAPPED),
)
"""What the gate says of single frames, in a session of any kind."""
WATCH = """() => {
  window.seen = [];
  const shown = document.querySelector('.message');
  let last = '';
  new MutationObserver(() => {
    const now = shown.hidden ? '' : shown.dataset.message;
    if (now && now !== last) window.seen.push(now);
    last = now;
  }).observe(shown, {attributes: true, attributeFilter: ['data-message', 'hidden']});
}"""


@dataclass
class Stage:
    """A site whose camera does what `play` says."""

    site: Site
    file: Path

    def play(self, how: str) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(how, encoding="utf-8")
        fresh.replace(self.file)

    def session(self) -> None:
        """A fresh session without an end; one that runs is ended."""
        self.end()
        with DoorClient(self.site.options.door) as client:
            client.ask(Start("", 0))
        phase(self.site, "counting")

    def end(self) -> None:
        """End the session, if one runs."""
        with DoorClient(self.site.options.door) as client:
            if client.ask(State()).told["phase"] == "counting":
                client.ask(Stop())
        phase(self.site, "waiting")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    options = PageOptions(folder / "counts.db", folder / "door.sock", folder / "web")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known(folder / "installed").items():
            patch.setenv(name, value)
        patch.setenv("HEMATO_EDGE_CALIBRATION__FOLDER", str(folder / "profiles"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))  # the profile that is chosen is kept there
        (folder / "stage").write_text("good", encoding="utf-8")
        with Runs(["--camera", f"staged:{folder / 'stage'}"], options.door, options.database), serving(options) as site:
            phase(site, "waiting")
            yield Stage(site, folder / "stage")


@pytest.fixture(scope="module")
def counting(stage: Stage) -> Stage:
    stage.session()
    return stage


def brought_about(page: Any, name: str, cause: Callable[[], object], undo: Callable[[], object]) -> None:
    """The message comes with its cause, says its words, goes with it, and came once."""
    page.evaluate(WATCH)
    cause()
    page.wait_for_selector(f'.message[data-message="{name}"]:not([hidden])')
    assert page.text_content(".message .message-words") == page.text_content(f'.messages [data-message="{name}"]')
    undo()
    page.wait_for_selector(f'.message[data-message="{name}"]', state="hidden")
    assert page.evaluate("window.seen").count(name) == 1


def looking(stage: Stage, open_page: Callable[..., Any]) -> Any:
    """The count screen of a run that shows what it should."""
    stage.play("good")
    page = open_page(stage.site, "/", Role.COUNTER)
    page.wait_for_selector("[data-live][data-seq]")
    return page


@pytest.mark.parametrize("name", GATE)
def test_06_what_a_frame_lacks_is_told(counting: Stage, open_page: Callable[..., Any], name: str) -> None:
    page = looking(counting, open_page)
    brought_about(page, name, lambda: counting.play(name), lambda: counting.play("good"))


def test_06_known_ground_is_told(counting: Stage, open_page: Callable[..., Any]) -> None:
    page = looking(counting, open_page)
    brought_about(page, KNOWN_GROUND, lambda: counting.play(STILL), lambda: counting.play("good"))


def test_06_a_lost_way_is_told(counting: Stage, open_page: Callable[..., Any]) -> None:
    page = looking(counting, open_page)
    brought_about(page, "new_region", lambda: counting.play(ELSEWHERE), lambda: None)


def test_06_a_camera_that_is_gone_is_told(counting: Stage, open_page: Callable[..., Any]) -> None:
    page = looking(counting, open_page)
    brought_about(page, "camera", lambda: counting.play(GONE), lambda: counting.play("good"))


def test_06_a_full_disk_is_told(
    counting: Stage, open_page: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = looking(counting, open_page)
    plenty = device_status.LOW_MB
    too_much = 10**9
    brought_about(
        page,
        "disk",
        lambda: monkeypatch.setattr(device_status, "LOW_MB", too_much),
        lambda: monkeypatch.setattr(device_status, "LOW_MB", plenty),
    )


def test_06_a_weak_supply_is_told(
    counting: Stage, open_page: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = looking(counting, open_page)
    command = tmp_path / "vcgencmd"
    command.write_text("#!/bin/sh\necho throttled=0x1\n", "utf-8")
    command.chmod(0o755)
    old = os.environ["PATH"]
    brought_about(
        page,
        "board",
        lambda: monkeypatch.setenv("PATH", f"{tmp_path}:{old}"),
        lambda: monkeypatch.setenv("PATH", old),
    )


def test_06_a_strange_stain_is_told(stage: Stage, open_page: Callable[..., Any]) -> None:
    page = looking(stage, open_page)
    stage.play("stain_far")
    stage.session()  # of a slide whose stain was seen, the look is known: it is judged as a whole
    page.reload()
    page.wait_for_selector('.message[data-message="stain_far"]:not([hidden])')
    stage.play("good")


def test_06_a_scale_that_the_red_cells_contradict_is_told(stage: Stage, open_page: Callable[..., Any]) -> None:
    stage.play("good")
    stage.end()
    with stage.site.client(Role.KEEPER) as phone:
        points = {"x1": 500, "y1": 2400, "x2": 5500, "y2": 2400, "distance_nm": 250_000}
        phone.post("/calibrate", json={"what": "micrometer", "profile": "10x", **points}).raise_for_status()
        phone.post("/microscope/use", json={"profile": "10x"}).raise_for_status()
    phase(stage.site, "waiting")
    stage.session()
    page = open_page(stage.site, "/", Role.VIEWER)
    page.wait_for_selector('.message[data-message="scale_contradicts_profile"]:not([hidden])')


def test_06_a_program_that_does_not_run_is_told(stage: Stage, open_page: Callable[..., Any]) -> None:
    page = looking(stage, open_page)
    os.kill(behind(stage.site), signal.SIGKILL)
    page.wait_for_selector('.message[data-message="shut"]:not([hidden])')
    phase(stage.site, "waiting")
    page.wait_for_selector(".start-button", state="attached")  # the page comes back by itself


def behind(site: Site) -> int:
    """The number of the process that has the door."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.connect(str(site.options.door))
        told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", told)[0])


def test_06_no_message_is_left_out() -> None:
    causes = {*GATE, KNOWN_GROUND, "new_region", "camera", "disk", "board", quality.STAIN_FAR, "shut"}
    causes.add("scale_contradicts_profile")
    rarer = {NO_SCALE, OTHER_SIZE, CLOCK_SET}  # brought about where they are made: fields, profiles, the clock
    assert set(MESSAGES) == causes | rarer
