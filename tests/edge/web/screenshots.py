"""Pictures of every screen, over a real run: `python tests/edge/web/screenshots.py FOLDER` (`make screenshots`).

A session of 100 cells is counted on the drawn slide, some of its cells are named, then each screen is shown as a phone
and a desktop would show it: light, dark and, on the phone, at night.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
from chromium import CHROMIUM, CHROMIUM_ARGUMENTS
from playwright.sync_api import sync_playwright
from sites import PATIENCE_S, Site, phase, serving, until

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Start, Stop
from hemato_edge.site.verification import LEAST_CELLS
from hemato_edge.store.reader import Reader
from hemato_edge.web.demo import Runs
from hemato_edge.web.security.access import Role
from hemato_edge.web.services import PageOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PHONE, DESKTOP = (390, 664), (1280, 800)
VIEWS = {
    "phone-light": (PHONE, "light"),
    "phone-dark": (PHONE, "dark"),
    "phone-night": (PHONE, "night"),
    "desktop-light": (DESKTOP, "light"),
    "desktop-dark": (DESKTOP, "dark"),
}
TARGET = 100
LIVE = "document.querySelector('[data-live]')?.dataset.seq"
ENOUGH_CELLS = 25
COUNT_S = 900.0


class Album:
    """Takes pictures of a site's screens in each view."""

    def __init__(self, site: Site, folder: Path, browser: Any) -> None:
        self.site, self.folder = site, folder
        self.pages = dict(self._opened(browser))

    def _opened(self, browser: Any) -> Iterator[tuple[str, Any]]:
        for name, ((width, height), theme) in VIEWS.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
            context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
            cookie = {"name": self.site.cookie, "value": self.site.token(Role.KEEPER), "url": self.site.address}
            context.add_cookies([cookie])
            page = context.new_page()
            page.set_default_timeout(1000 * PATIENCE_S)
            yield name, page

    def take(self, name: str, path: str, then: Callable[[Any], None] | None = None, *, live: bool = False) -> None:
        """One screen in all views. `then` brings a page to the state that is wanted; `live`: wait for the picture."""
        for view, page in self.pages.items():
            page.goto(self.site.address + path)
            if live:
                until(lambda page=page: page.evaluate(LIVE), "the picture")
            if then is not None:
                then(page)
            page.wait_for_load_state("load")
            page.screenshot(path=self.folder / f"{name}.{view}.png")


def ask(site: Site, command: Any) -> None:
    with DoorClient(site.options.door) as client:
        client.ask(command)


def counted(site: Site, session: int, cells: int) -> None:
    """Waits until so many white cells have a class."""

    with Reader(site.options.database) as reader:
        patiently(lambda: sum(reader.totals(session).labels.values()) >= cells)


def ended(site: Site, session: int) -> None:
    """Waits until a session has reached its target."""
    with Reader(site.options.database) as reader:
        patiently(lambda: reader.session(session).state != "running")


def patiently(question: Callable[[], bool]) -> None:
    """Waits for a count: minutes on a busy machine."""
    end = time.monotonic() + COUNT_S
    while not question():
        if time.monotonic() > end:
            raise TimeoutError(f"the count did not come so far in {COUNT_S:.0f} s")
        time.sleep(0.5)


def during(album: Album) -> None:
    """The screens of a run, from the first look to a session in its midst."""
    site = album.site
    album.take("01-pair", "/pair")
    album.take("02-before", "/", lambda page: page.wait_for_selector(".meter.good"), live=True)
    ask(site, Start("demo 1", TARGET))
    phase(site, "counting")
    ended(site, 1)
    phase(site, "waiting")
    ask(site, Start("demo 2", 0))
    phase(site, "counting")
    counted(site, 2, ENOUGH_CELLS)
    album.take("03-count", "/", lambda page: page.wait_for_selector(".cell-mark", state="attached"), live=True)
    album.take("04-stop", "/", lambda page: page.click(".foot-stop"), live=True)
    album.take("05-map", "/map")
    album.take("06-review-counting", "/review")
    ask(site, Stop())
    phase(site, "waiting")


def afterwards(album: Album) -> None:
    """What is there without a running session."""
    with album.site.client(Role.REVIEWER) as phone:
        cells = phone.get("/review/cells?session=1&show=doubt").json()["cells"]
        for cell in cells[:2]:
            said = {key: cell[key] for key in ("session", "field", "cell")}
            phone.post("/review/name", json=said | {"label": "monocyte", "standing": cell["name"]})
    album.take("07-review", "/review?session=1", lambda page: page.wait_for_load_state("networkidle"))
    album.take("08-gallery", "/review/gallery?session=1", lambda page: page.wait_for_load_state("networkidle"))
    album.take("09-result", "/sessions/1")
    album.take("10-print", "/sessions/1/print")
    album.take("11-history", "/history")
    album.take("12-compare", "/compare?first=1&second=2")
    album.take("13-pictures", "/pictures")
    for number, kind in enumerate(("field", "cell"), 14):
        album.take(f"{number}-judged-{kind}", judged(album.site, kind))
    with album.site.client(Role.KEEPER) as phone:
        phone.post("/health/examine")
    album.take("16-health", "/health")
    album.take("17-devices", "/devices", lambda page: page.click("form[action='/devices/pin'] button"))
    album.take("18-settings", "/settings")
    album.take("19-trouble", "/no/such/page")
    album.take("20-menu", "/history", lambda page: page.click(".menu summary"))
    album.take("21-setting", "/settings/edit?setting=counting.target")
    album.take("22-setting-pair", "/settings/edit?setting=reference.neutrophil")
    album.take("23-approve", "/sessions/1", lambda page: page.click("[data-opens=approve-dialog]"))
    album.take("24-trend", "/trend")


def microscope(album: Album) -> None:
    """Objectives: the guided calibration, the choice of a profile, and the guided verification."""
    site = album.site
    album.take("30-no-objective", "/microscope")
    album.take("31-calibrate-name", "/calibrate")
    album.take("32-calibrate-light", "/calibrate?profile=40x", live=True)
    album.take("33-calibrate-scale", "/calibrate?profile=40x&step=micrometer", tapped, live=True)
    album.take("34-calibrate-view", "/calibrate?profile=40x&step=mask", live=True)
    album.take("35-calibrate-nothing", "/calibrate?profile=40x&step=done")
    with site.client(Role.KEEPER) as phone:
        points = {"x1": 500, "y1": 2400, "x2": 5500, "y2": 2400, "distance_nm": 50_000}
        said = {"what": "micrometer", "profile": "40x", "objective": "Plan 40×/0.65", **points}
        phone.post("/calibrate", json=said).raise_for_status()
    album.take("36-calibrate-done", "/calibrate?profile=40x&step=done")
    album.take("37-objectives", "/microscope")
    album.take("38-verify", "/verify?profile=40x")
    walk = f"profile=40x&by=Ada&wanted={LEAST_CELLS}&unnamed=1"
    album.take("39-verify-cell", f"/verify/cell?{walk}")
    with site.client(Role.REVIEWER) as phone:
        for cell in phone.get(f"/verify/cells?{walk}").json()["cells"]:
            phone.post("/verify/name", json=cell | {"by": "Ada", "label": "neutrophil"}).raise_for_status()
        album.take("40-verify-done", f"/verify/cell?{walk}")
        phone.post("/verify", json={"profile": "40x", "unnamed": "1"}).raise_for_status()
    phase(site, "waiting")
    album.take("41-verify-result", "/verify/result?profile=40x")
    album.take("42-verified", "/microscope")


def tapped(page: Any) -> None:
    """Two points of the micrometer."""
    box = page.locator(".picture-stage").bounding_box()
    for share in (0.2, 0.8):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    page.fill("#distance", "100")


def judged(site: Site, kind: str) -> str:
    """The address of the result of a drawn picture."""
    drawn = draw_field(3)[0]
    picture = drawn if kind == "field" else drawn[90:230, 380:520]
    content = cv2.imencode(".png", picture)[1].tobytes()
    with site.client(Role.COUNTER) as phone:
        form = {"kind": kind, "token": site.csrf(Role.COUNTER)}
        answer = phone.post("/pictures", data=form, files=[("pictures", (f"{kind}.png", content))])
    return str(json.loads(answer.text)["result"])


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        os.environ["HEMATO_EDGE_CALIBRATION__FOLDER"] = f"{place}/profiles"
        os.environ["XDG_CONFIG_HOME"] = f"{place}/config"
        os.environ["XDG_DATA_HOME"] = f"{place}/data"
        options = PageOptions(Path(place) / "counts.db", Path(place) / "door.sock", Path(place) / "web")
        with Runs(["--camera", "live-demo"], options.door, options.database), serving(options) as site:
            phase(site, "waiting")
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS))
            album = Album(site, folder, browser)
            during(album)
            afterwards(album)
            microscope(album)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
