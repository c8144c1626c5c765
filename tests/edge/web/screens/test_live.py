"""The live picture, the events and the count's commands over a real run behind a real door."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from processes import process
from sites import PATIENCE_S, Site, phase, until

from hemato_edge.store.reader import Reader
from hemato_edge.web.security.access import Role


def frame(client: httpx.Client, after: int = 0, width: int = 640) -> tuple[dict[str, Any], bytes]:
    answer = until(
        lambda: one if (one := client.get(f"/live/frame?after={after}&w={width}")).status_code == 200 else None
    )
    (size,) = struct.unpack("<I", answer.content[:4])
    return json.loads(answer.content[4 : 4 + size]), answer.content[4 + size :]


def events(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """Name and data of one event after the other; the stream is kept open by lines that are none."""
    end = time.monotonic() + PATIENCE_S
    with client.stream("GET", "/events") as stream:
        name, data = "", []
        for line in stream.iter_lines():
            assert time.monotonic() < end, "the event did not come"
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line and name:
                yield name, "\n".join(data)
                name, data = "", []


@pytest.fixture(scope="module")
def counting(live_site: Site) -> Site:
    """The live site, told to count without an end by a form that was sent twice."""
    with live_site.client(Role.COUNTER) as client:
        told = [client.post("/session/start", json={"label": "tube 7", "target": 0, "key": "k1"}) for _ in range(2)]
    assert [one.json()["session"] for one in told] == [1, 1], "pressing twice begins one session"
    phase(live_site, "counting")
    return live_site


def test_a_picture_comes_with_its_marks(counting: Site) -> None:
    with counting.client(Role.VIEWER) as client:
        told, jpeg = frame(client)
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (480, 640, 3)
        assert (told["width"], told["height"]) == (640, 480)
        later, small = frame(client, told["seq"], 320)
        assert later["seq"] > told["seq"]
        assert cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)
        marked = until(lambda: one if (one := frame(client)[0])["marks"] else None, "a mark")
        for x, y, size, kind, state, _, number in marked["marks"]:
            assert size > 0
            assert -size - 1 <= x <= 640 + size + 1  # of a cell on the rim the box is shown
            assert -size - 1 <= y <= 480 + size + 1
            assert number > 0
            assert kind in ("wbc", "rbc", "platelet")
            assert state in ("tried", "counted", "doubt", "refused")
        assert client.get("/live/still.jpg").headers["content-type"] == "image/jpeg"


def test_several_who_look_on_share_each_picture(counting: Site) -> None:
    seen: list[set[int]] = []

    def watch() -> None:
        numbers, after = set(), 0
        with counting.client(Role.VIEWER) as client:
            for _ in range(15):
                after = frame(client, after)[0]["seq"]
                numbers.add(after)
        seen.append(numbers)

    watchers = [threading.Thread(target=watch) for _ in range(4)]
    for one in watchers:
        one.start()
    for one in watchers:
        one.join(PATIENCE_S)
    assert len(seen) == 4
    together = set.union(*seen)
    assert len(together) < sum(map(len, seen)) / 2, "each watcher had pictures of its own made"


def test_01_no_number_is_told_before_it_is_on_disk(counting: Site) -> None:
    checked = 0
    with counting.client(Role.VIEWER) as client:
        for name, data in events(client):
            if name != "numbers":
                continue
            told = json.loads(data)
            with Reader(counting.options.database) as reader:
                on_disk = reader.totals(told["session"]).labels
            assert all(count <= on_disk.get(label, 0) for label, count in told["keys"].items())
            checked += 1
            if checked == 5:
                return


def test_04_two_phones_show_the_same_after_the_change_of_either(counting: Site) -> None:
    with counting.client(Role.REVIEWER) as one, counting.client(Role.REVIEWER) as other:
        cells = until(lambda: one.get("/review/cells", params={"session": 1, "show": "all"}).json()["cells"], "a cell")
        heard = events(one), events(other)
        for phone, label in ((one, "basophil"), (other, "eosinophil")):
            said = {key: cells[0][key] for key in ("session", "field", "cell")}
            with Reader(counting.options.database) as reader:
                standing = next(
                    cell.name
                    for cell in reader.counted(1)
                    if (cell.field, cell.number) == (said["field"], said["cell"])
                )
            assert phone.post("/review/name", json=said | {"label": label, "standing": standing}).status_code == 200
            for listener in heard:  # each hears of it, and of no number that was never on disk
                told = next(json.loads(data) for name, data in listener if name == "numbers" and label in data)
                until(lambda told=told, listener=listener, label=label: heard_of(listener, told, label), label)


def heard_of(listener: Iterator[tuple[str, str]], told: dict[str, Any], label: str) -> bool:
    """Whether the numbers say that a cell has this name; the next ones are listened to otherwise."""
    while not told["keys"][label]:
        told = next(json.loads(data) for name, data in listener if name == "numbers")
    return True


def test_the_piece_says_the_same_as_the_numbers(counting: Site) -> None:
    pieces: dict[str, str] = {}
    with counting.client(Role.VIEWER) as client:
        for name, data in events(client):
            pieces[name] = data
            if name == "numbers":
                break
    told = json.loads(pieces["numbers"])
    shown = dict(re.findall(r'data-label="(\w+)" data-count="(\d+)"', pieces["counts"]))
    assert {label: int(count) for label, count in shown.items()} == told["keys"]
    assert json.loads(pieces["state"])["phase"] == "counting"


def test_a_note_is_recorded(counting: Site) -> None:
    with counting.client(Role.COUNTER) as client:
        assert client.post("/session/note", json={"text": "clumps"}).status_code == 200
        assert client.post("/session/note", json={"text": ""}).status_code == 400
        assert client.post("/session/note", json={"text": "x" * 81}).status_code == 400

    def noted() -> bool:
        with Reader(counting.options.database) as reader:
            return "note:clumps" in reader.tallies(1)

    until(noted, "the note")


def test_03_a_second_session_is_not_begun_while_one_runs(counting: Site) -> None:
    with counting.client(Role.COUNTER) as client:
        refused = client.post("/session/start", json={"label": "", "target": 100})
        assert refused.status_code == 409
        assert "runs already" in refused.json()["error"]


def test_02_the_count_goes_on_when_the_page_is_killed_and_a_new_page_shows_it(counting: Site, tmp_path: Path) -> None:
    """The page as a process of its own, as the service runs it."""
    command = [
        sys.executable,
        "-m",
        "hemato_edge.cli.main",
        "web",
        "--port",
        "0",
        "--db",
        str(counting.options.database),
    ]
    home = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    home |= {"HEMATO_EDGE_DOOR__PATH": str(counting.options.door)}
    for end in (signal.SIGKILL, signal.SIGTERM):
        with process(command, env=home, stdout=subprocess.PIPE) as page:
            assert page.stdout is not None
            said = page.stdout.readline()
            address, _, code = said.removeprefix("Open ").strip().partition("/pair?now#code=")
            with httpx.Client(base_url=address, headers={"origin": address}, timeout=PATIENCE_S) as client:
                assert client.post("/pair", data={"code": code}).status_code == 303
                state = next(json.loads(data) for name, data in events(client) if name == "state")
                assert (state["phase"], state["session"]) == ("counting", 1)
            page.send_signal(end)
            assert page.wait(PATIENCE_S) in (-signal.SIGKILL, 0, -signal.SIGTERM)
    assert phase(counting, "counting")["session"] == 1


def test_stopping_answers_when_all_is_on_disk_and_a_fresh_run_waits(counting: Site) -> None:
    with counting.client(Role.COUNTER) as client:
        told = client.post("/session/stop", json={"key": "end"})
        assert told.status_code == 200
    with Reader(counting.options.database) as reader:
        assert reader.session(1).state == "finished"
        assert reader.totals(1).wbc == told.json()["wbc"]
    phase(counting, "waiting")


def test_nothing_behind_the_door_is_said_in_words(site: Site) -> None:
    with site.client(Role.COUNTER) as client:
        for answer in (client.get("/live/frame"), client.post("/session/stop")):
            assert answer.status_code == 503
            assert "Nothing runs behind the door" in answer.json()["error"]
    with site.client(Role.VIEWER, page=True) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert "Nothing runs behind the door" in page.text
