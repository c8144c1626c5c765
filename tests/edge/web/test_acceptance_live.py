"""Checks 7, 8, 9, 11 and 12 of the page: how old the live picture is, what it costs, and that the server ends.

Pictures come from a viewfinder behind a real door, at a rate of the test's own; the clock stands in each as a pattern
of light and dark squares, which the browser reads off what it has drawn. All bounds are ratios.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx
import numpy as np
import pytest
from processes import process
from recorded_sessions import recorded
from sites import PATIENCE_S, Site, phase, serving
from waiting import DEADLINE_S

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from page import counted

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Picture, Start
from hemato_edge.door.messages import Answer
from hemato_edge.door.server import Door
from hemato_edge.pipeline.running.viewfinder import ATTENDING, Viewfinder
from hemato_edge.store.reader import Reader
from hemato_edge.values import Frame
from hemato_edge.web.security.access import Role
from hemato_edge.web.services import PageOptions

pytestmark = pytest.mark.slow
FRAMES_A_SECOND = 5
SQUARE_PX = 32
BITS = 40
"""Two rows of squares over a frame of 640 pixels: milliseconds, thirty years of them."""
LINK_WATCHED_S = 180.0
NOISE = np.random.default_rng(1).integers(60, 200, (480, 640, 3), np.uint8)
AGES = """() => {
  const root = document.querySelector('[data-live]'), canvas = root.querySelector('canvas');
  window.ages = [];
  new MutationObserver(() => {
    const square = canvas.width / 20, data = canvas.getContext('2d').getImageData(0, 0, canvas.width, 2 * square).data;
    let made = 0;
    for (let bit = 0; bit < 40; bit++) {
      const x = Math.floor((bit % 20 + 0.5) * square), y = Math.floor((Math.floor(bit / 20) + 0.5) * square);
      made = 2 * made + (data[4 * (y * canvas.width + x)] > 127 ? 1 : 0);
    }
    window.ages.push([performance.now(), Date.now() % 2 ** 40 - made, canvas.width]);
  }).observe(root, {attributes: true, attributeFilter: ['data-seq']});
}"""
STATE = {
    "version": 1,
    "program": "test",
    "phase": "waiting",
    "session": None,
    "target": None,
    "database": "",
    "profile": None,
    "camera": {"name": "staged", "state": "live", "words": "", "fault": None},
    "verdict": ATTENDING,
    "warnings": [],
}


def clocked(index: int) -> Frame:
    """A frame with the time in it, milliseconds since 1970, the largest bit first."""
    image = NOISE.copy()
    now = int(1000 * time.time()) % 2**BITS
    for bit in range(BITS):
        y, x = SQUARE_PX * (bit // 20), SQUARE_PX * (bit % 20)
        image[y : y + SQUARE_PX, x : x + SQUARE_PX] = 255 if now >> (BITS - 1 - bit) & 1 else 0
    return Frame(image, index, time.monotonic(), datetime.now(timezone.utc), "clock")


@contextmanager
def viewfinder_behind(path: Path, a_second: float) -> Iterator[Viewfinder]:
    """A door that shows clocked frames, and waits for a session."""
    finder, ended = Viewfinder(), threading.Event()

    def film() -> None:
        index = 0
        while not ended.wait(1 / a_second):
            finder.show(clocked(index), ATTENDING)
            index += 1

    def picture(command: Any) -> Answer:
        sight = finder.wait(command.after)
        if sight is None:
            return Answer({"seq": command.after, "phase": "waiting"})
        return Answer(sight.told() | {"phase": "waiting"}, finder.jpeg(sight, command.width))

    film_thread = threading.Thread(target=film, daemon=True)
    answers: dict[str, Callable[[Any], Answer]] = {"state": lambda _: Answer(STATE), "frame": picture}
    answers["profiles"] = lambda _: Answer({"used": None, "profiles": []})
    with Door(path, answers):
        film_thread.start()
        try:
            yield finder
        finally:
            ended.set()
            finder.close()
            film_thread.join(DEADLINE_S)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page before a door with clocked frames."""
    folder = tmp_path_factory.mktemp("filmed")
    recorded(folder / "counts.db")
    options = PageOptions(folder / "counts.db", folder / "door.sock", folder / "web")
    with viewfinder_behind(options.door, FRAMES_A_SECOND), serving(options) as site:
        yield site


def ages_in(page: Any, seconds: float) -> list[tuple[float, float]]:
    """What was drawn in the next seconds: when, in seconds, and how old it then was, in milliseconds."""
    page.wait_for_selector("[data-live][data-seq]")
    page.evaluate(AGES)
    page.wait_for_timeout(1000 * seconds)
    drawn = page.evaluate("window.ages")
    return [((at - drawn[0][0]) / 1000, age) for at, age, _ in drawn]


def at_95(values: list[float]) -> float:
    return float(np.percentile(values, 95))


@pytest.mark.browser
def test_09_on_the_loopback_a_picture_is_drawn_within_a_frame(filmed: Site, open_page: Callable[..., Any]) -> None:
    ages = [age for _, age in ages_in(open_page(filmed, "/", Role.VIEWER), 20)]
    assert len(ages) >= 0.8 * 20 * FRAMES_A_SECOND
    assert min(ages) >= 0
    assert at_95(ages) <= 1000 / FRAMES_A_SECOND


@pytest.mark.browser
def test_09_over_half_the_link_it_is_four_transfers_old_and_does_not_fall_behind(
    filmed: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(filmed, "/", Role.VIEWER, width=1280, height=800)
    with filmed.client(Role.VIEWER) as client:
        size = len(client.get("/live/frame?after=0&w=640").content)
    rate = size * FRAMES_A_SECOND / 2
    transfer_ms = 1000 * size / rate
    at_once = at_95([age for _, age in ages_in(page, 10)])  # what this machine needs, busy as it is, without a link
    session = page.context.new_cdp_session(page)
    link = {"offline": False, "latency": 0, "downloadThroughput": rate, "uploadThroughput": rate}
    session.send("Network.emulateNetworkConditions", link)
    ages = ages_in(page, LINK_WATCHED_S)
    third = LINK_WATCHED_S / 3
    first = [age for at, age in ages if at < third]
    last = [age for at, age in ages if at >= 2 * third]
    assert at_95(first) <= 4 * transfer_ms + at_once
    assert at_95(last) <= 4 * transfer_ms + at_once
    assert float(np.median(last)) <= float(np.median(first)) + transfer_ms / 2, "it falls behind"


def seq_of(content: bytes) -> int:
    """The number of a picture, from what `/live/frame` answers."""
    (size,) = struct.unpack("<I", content[:4])
    return int(json.loads(content[4 : 4 + size])["seq"])


def pictures_of(site: Site, ended: threading.Event, number: list[int]) -> None:
    """Look on until the end, and count the pictures."""
    after = 0
    with site.client(Role.VIEWER) as client:
        while not ended.is_set():
            answer = client.get(f"/live/frame?after={after}&w=640")
            if answer.status_code == 200:
                after = seq_of(answer.content)
                number.append(after)


def pictures_in(site: Site, seconds: float, watchers: int = 3) -> float:
    """Pictures that each watcher gets in so many seconds, as a mean."""
    ended, counted = threading.Event(), [list[int]() for _ in range(watchers)]
    threads = [threading.Thread(target=pictures_of, args=(site, ended, one)) for one in counted]
    for one in threads:
        one.start()
    time.sleep(seconds)
    ended.set()
    for one in threads:
        one.join(PATIENCE_S)
    return sum(map(len, counted)) / watchers


def test_09_who_stalls_takes_nothing_from_the_others(filmed: Site) -> None:
    before = pictures_in(filmed, 10)
    address = urlparse(filmed.address)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect((address.hostname, address.port))
        ask = f"GET /live/frame?after=0&w=960 HTTP/1.1\r\nHost: {address.netloc}\r\n"
        ask += f"Cookie: {filmed.cookie}={filmed.token(Role.VIEWER)}\r\n\r\n"
        stalled.sendall(ask.encode() * 3)  # and reads nothing
        during = pictures_in(filmed, 10)
    assert during >= 0.9 * before


# -- 11: what it costs -------------------------------------------------------------------------------------------------

UNWATCHED_S = 10.0
BENCHMARKED_FRAMES = 120
TOGETHER = 6
AN_HOUR, A_MINUTE = 36_000, 600
"""Pictures at ten a second."""
AN_IDLE_WHILE_S = 20.0
QUICK = (
    "import hemato_edge.web.sources.frame_feed as feed; feed.MOST_A_SECOND = 10_000; "
    "from hemato_edge.cli.main import app; app()"
)
"""The program, which gives an hour's pictures as fast as they are asked for."""


@contextmanager
def page_process(
    database: Path, door: Path, home: Path, program: tuple[str, ...]
) -> Iterator[tuple[int, httpx.Client]]:
    """`hemato-edge web` as a process of its own: its number, and a paired client."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    env = plain | {"HOME": str(home), "HEMATO_EDGE_DOOR__PATH": str(door)}
    command = [sys.executable, *program, "web", "--port", "0", "--db", str(database)]
    with process(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as page:
        assert page.stdout is not None
        address, _, code = page.stdout.readline().removeprefix("Open ").strip().partition("/pair?now#code=")
        headers = {"origin": address, "accept": "text/html"}
        with httpx.Client(base_url=address, headers=headers, timeout=PATIENCE_S) as client:
            assert client.post("/pair", data={"code": code}).status_code == 303
            yield page.pid, client


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


def ticks(pid: int) -> int:
    """Processor time of a process, in the kernel's ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_11_an_hour_of_one_watcher_leaves_no_memory_behind(tmp_path: Path) -> None:
    recorded(tmp_path / "counts.db")
    jpeg = os.urandom(50_000)  # the page hands it on as it is
    answers: dict[str, Callable[[Any], Answer]] = {"state": lambda _: Answer(STATE)}
    answers["frame"] = lambda command: Answer({"seq": command.after + 1, "phase": "waiting"}, jpeg)
    database, door = tmp_path / "counts.db", tmp_path / "door.sock"
    with Door(door, answers), page_process(database, door, tmp_path, ("-c", QUICK)) as (pid, client):
        address = urlparse(str(client.base_url))
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}
        failed: list[BaseException] = []

        def watch(pictures: int, width: int) -> None:
            connection, after = http.client.HTTPConnection(str(address.hostname), address.port), 0
            try:
                for _ in range(pictures):
                    connection.request("GET", f"/live/frame?after={after}&w={width}", headers=cookie)
                    told = connection.getresponse().read()
                    assert len(told) > len(jpeg)
                    after = seq_of(told)
            except BaseException as error:  # noqa: BLE001 - told by the test, not by its thread
                failed.append(error)
            connection.close()

        def watched(pictures: int) -> int:
            """So many pictures, by several at once: on a busy machine one at a time takes an hour indeed."""
            threads = [
                threading.Thread(target=watch, args=(pictures // TOGETHER, (320, 640)[i % 2])) for i in range(TOGETHER)
            ]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            assert failed == []
            return resident_kb(pid)

        early = watched(A_MINUTE)
        assert watched(AN_HOUR) <= 1.1 * early


def test_11_requests_leave_no_memory_behind_and_nobody_costs_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "counts.db")
    with page_process(tmp_path / "counts.db", tmp_path / "door.sock", tmp_path, ("-m", "hemato_edge.cli.main")) as (
        pid,
        client,
    ):
        for _ in range(100):
            client.get("/sessions/2").raise_for_status()
        early = resident_kb(pid)
        for _ in range(1000):
            client.get("/sessions/2").raise_for_status()
        assert resident_kb(pid) <= 1.1 * early
        before = ticks(pid)
        threading.Event().wait(AN_IDLE_WHILE_S)
        assert ticks(pid) - before <= 0.002 * AN_IDLE_WHILE_S * os.sysconf("SC_CLK_TCK") + 1


def test_11_the_page_is_half_as_large_as_the_run(live_site: Site, tmp_path: Path) -> None:
    with DoorClient(live_site.options.door) as client:
        client.ask(Start("", 0))
    phase(live_site, "counting")
    with Reader(live_site.options.database) as reader:
        end = time.monotonic() + PATIENCE_S
        while not reader.totals(1).wbc and time.monotonic() < end:
            time.sleep(0.2)
    door = live_site.options.door
    program = ("-m", "hemato_edge.cli.main")
    with page_process(live_site.options.database, door, tmp_path, program) as (pid, client):
        after = 0
        for _ in range(50):
            answer = client.get(f"/live/frame?after={after}&w=640")
            if answer.status_code == 200:
                after = seq_of(answer.content)
        for path in ("/", "/history", "/sessions/1", "/review", "/map"):
            client.get(path).raise_for_status()
        assert resident_kb(pid) <= 0.5 * resident_kb(behind(door))


def behind(door: Path) -> int:
    """The number of the process that has the door."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.connect(str(door))
        told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", told)[0])


# -- 7: what looking on costs ------------------------------------------------------------------------------------------


def test_07_nobody_looks_on_and_not_one_picture_is_made(tmp_path: Path) -> None:
    """A picture that nobody asks for is never made; ratios of processor time are measured by `benchmarks/page.py`."""
    with viewfinder_behind(tmp_path / "door.sock", 50) as finder:
        with DoorClient(tmp_path / "door.sock") as client:
            client.ask(Picture(0, 640))
        made = finder.pictures
        threading.Event().wait(UNWATCHED_S)
        assert finder.newest is not None
        assert finder.newest.seq > 100
        assert finder.pictures == made


# -- 8 and 12: the count is the same, and the server ends --------------------------------------------------------------


def test_08_the_count_is_the_same_with_watchers_and_without() -> None:
    alone, watched = counted(BENCHMARKED_FRAMES, 0), counted(BENCHMARKED_FRAMES, 2)
    assert alone["pictures"] == 0
    assert watched["pictures"] > 0
    assert alone["told"] == watched["told"]


def test_12_the_server_ends_while_listeners_and_watchers_stay(tmp_path: Path) -> None:
    recorded(tmp_path / "counts.db")
    door = tmp_path / "door.sock"
    with (
        viewfinder_behind(door, FRAMES_A_SECOND),
        page_process(tmp_path / "counts.db", door, tmp_path, ("-m", "hemato_edge.cli.main")) as (pid, client),
        client.stream("GET", "/events") as listened,
        client.stream("GET", "/live/frame?after=999999&w=640"),
    ):
        assert next(listened.iter_lines())
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + DEADLINE_S
        while Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < end, "it waits for who listens"
            time.sleep(0.05)
