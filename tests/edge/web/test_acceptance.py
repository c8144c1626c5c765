"""What the page promises, one by one: `PROMISES`. A test bears the numbers of what it holds, here or beside it."""

from __future__ import annotations

import json
import re
import struct
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sites import Site, until
from typer.testing import CliRunner

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.cli.main import app
from hemato_edge.labels import BY_NAME, REVIEW_LABELS
from hemato_edge.languages import LANGUAGES, words_of
from hemato_edge.pipeline.running.viewfinder import KNOWN_GROUND
from hemato_edge.views.report.words import ADVICE
from hemato_edge.vision import colours, quality
from hemato_edge.web.pages import MENU
from hemato_edge.web.security.access import Role
from hemato_edge.web.security.devices import Devices

browser_only = pytest.mark.browser
TEMPLATES = Path(str(files("hemato_edge.web") / "templates"))
MESSAGES = re.findall(r'data-message="(\w+)"', (TEMPLATES / "picture.html").read_text(encoding="utf-8"))


PROMISES = {
    1: "the page's numbers are the report's, and none is shown before it is on disk",
    2: "the count goes on without the page, and a new page shows it",
    3: "one press, one session; stop asks",
    4: "a second phone shows the same, also after a change of either",
    5: "boxes do not blink",
    6: "each message is brought about by its cause, once, and says what to do",
    7: "nobody looks on: no picture is made",
    8: "the count is the same with watchers and without",
    9: "the picture is as young as its way allows, and who stalls delays nobody",
    10: "seven tabs; a hidden one asks for nothing",
    11: "an hour leaves no memory behind, and nobody costs nothing",
    12: "the server ends while people listen",
    13: "hostile pictures are refused in words",
    14: "a picture's answer is the command line's, also without scripts",
    15: "twenty cells by keys, by touch, and undone",
    16: "the second of two reviewers is asked",
    17: "each route and each role",
    18: "foreign names, pages and tokens; a GET changes nothing",
    19: "a page of another origin reads and changes nothing",
    20: "a PIN is good once, for five tries and five minutes",
    21: "no complaint of the policy, no request to another host",
    22: "broken input of any kind",
    23: "axe-core finds nothing serious, and the keyboard is enough",
    24: "contrast for the colour-blind, and a letter in grey",
    25: "no sideways scrolling from 320 to 1920 pixels",
    26: "each language whole and uncut; what a screen reader hears",
    27: "the print is the report",
}
"""By number."""


def test_each_promise_has_a_test_that_bears_its_number() -> None:
    kept: set[int] = set()
    for module in Path(__file__).parent.rglob("test_*.py"):
        for numbers in re.findall(r"^def test((?:_\d\d)+)_", module.read_text(encoding="utf-8"), re.MULTILINE):
            kept |= {int(number) for number in numbers.split("_") if number}
    assert kept == set(PROMISES)


# -- 6: messages -------------------------------------------------------------------------------------------------------


def test_06_every_reason_of_the_quality_gate_has_a_message_that_says_what_to_do() -> None:
    gate = {**vars(quality), **vars(colours)}
    reasons = {value for name, value in gate.items() if name.isupper() and isinstance(value, str)}
    assert reasons, "the gate's reasons are its constants"
    assert reasons | {KNOWN_GROUND} <= set(MESSAGES)
    assert reasons <= set(ADVICE)
    text = (TEMPLATES / "picture.html").read_text(encoding="utf-8")
    for words in (*re.findall(r'data-message="\w+"[^>]*>\{\{ _\("([^"]+)"\)', text), *ADVICE.values()):
        assert len(re.findall(r"[.?]", words)) >= 1


def frame_with(verdict: str, seq: int) -> bytes:
    """A picture as the page gets it, with that verdict."""
    told = {"seq": seq, "age_ms": 1, "width": 640, "height": 480, "verdict": verdict, "marks": [], "measures": {}}
    head = json.dumps(told | {"pose": None}).encode()
    jpeg = cv2.imencode(".jpg", np.full((480, 640, 3), 128, np.uint8))[1].tobytes()
    return struct.pack("<I", len(head)) + head + jpeg


@browser_only
def test_06_each_message_appears_once_and_the_most_important_one_stands(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(site, "/history")
    verdicts: list[str] = ["counted"]
    numbers = iter(range(1, 10**6))
    state = {"phase": "counting", "session": 2, "camera": {"state": "live"}, "verdict": None, "warnings": []}
    page.add_init_script(f"""window.EventSource = class extends EventTarget {{
      readyState = 1;
      static OPEN = 1;
      close() {{}}
      constructor() {{
        super();
        setTimeout(() => this.dispatchEvent(new MessageEvent('state', {{data: {json.dumps(json.dumps(state))}}})), 0);
      }}
    }}""")
    page.route(
        "**/live/frame*",
        lambda route: route.fulfill(body=frame_with(verdicts[-1], next(numbers)), content_type="application/x-frame"),
    )
    page.goto(site.address + "/")
    page.evaluate("""() => {
      window.seen = [];
      const shown = document.querySelector('.message');
      new MutationObserver(() => { if (!shown.hidden) window.seen.push(shown.dataset.message); })
        .observe(shown, {attributes: true, attributeFilter: ['data-message', 'hidden']});
    }""")
    for verdict in (quality.OUT_OF_FOCUS, quality.TOO_DARK, quality.TOO_DENSE, KNOWN_GROUND):
        verdicts.append(verdict)
        page.wait_for_selector(f'.message[data-message="{verdict}"]:not([hidden])')
        words = page.text_content(".message .message-words")
        assert words == page.text_content(f'.messages [data-message="{verdict}"]')
        verdicts.append("counted")
        until(lambda said=verdict: page.get_attribute(".message", "data-message") != said, "its end")
    seen = page.evaluate("window.seen")
    shown = [one for one, before in zip(seen, [None, *seen], strict=False) if one != before and one != "shut"]
    assert shown == [quality.OUT_OF_FOCUS, quality.TOO_DARK, quality.TOO_DENSE, KNOWN_GROUND]


# -- 19: another origin ------------------------------------------------------------------------------------------------

EVIL = """<!doctype html><title>evil</title>
<form id=f method=post action="{site}/devices/pin" target=hidden><input name=role value=keeper></form>
<iframe name=hidden></iframe><iframe id=framed src="{site}/"></iframe><img id=picture src="{site}/live/still.jpg">
<script>
window.done = (async () => {{
  const told = {{}};
  document.getElementById('f').submit();
  for (const [name, path, options] of [
    ['read', '/history', {{credentials: 'include'}}],
    ['api', '/api/v1/sessions', {{credentials: 'include'}}],
    ['post', '/devices/pin', {{method: 'POST', credentials: 'include', body: new URLSearchParams({{role: 'keeper'}})}}],
  ]) {{
    try {{ told[name] = await (await fetch('{site}' + path, options)).text(); }} catch (error) {{ told[name] = null; }}
  }}
  await fetch('{site}/language', {{method: 'POST', mode: 'no-cors', credentials: 'include', body: 'language=de'}})
    .catch(() => null);
  told.picture = document.getElementById('picture').naturalWidth;
  try {{ told.framed = document.getElementById('framed').contentDocument?.body?.innerText ?? null; }}
  catch (error) {{ told.framed = null; }}
  return told;
}})();
</script>"""


class Evil(BaseHTTPRequestHandler):
    """A page of somebody else, on the same machine and another port: the same site, another origin."""

    def __init__(self, page: str, *arguments: Any) -> None:
        self.page = page
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page.encode())

    def log_message(self, *_: object) -> None:
        return


@browser_only
def test_19_a_page_of_another_origin_changes_nothing_and_reads_nothing(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(site, "/history", Role.KEEPER)
    assert "tube 1" in page.text_content("main"), "this browser is let in"
    pins = site.options.folder / "pairing.json"
    before = [one.id for one in Devices(site.options.folder).all()], pins.read_bytes() if pins.exists() else None
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Evil, EVIL.format(site=site.address)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        told = page.evaluate("window.done")
    finally:
        server.shutdown()
        server.server_close()
    assert told == {"read": None, "api": None, "post": None, "picture": 0, "framed": None}
    after = [one.id for one in Devices(site.options.folder).all()], pins.read_bytes() if pins.exists() else None
    assert after == before
    assert "language" not in {cookie["name"] for cookie in page.context.cookies()}


# -- 24: colours -------------------------------------------------------------------------------------------------------

BLIND = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Machado, Oliveira and Fernandes 2009, severity 1: matrices on linear RGB."""
GROUND_OF_COUNTING = "#161c22"
"""`--raised` of the page's sheet where it is dark: the ground of the tally's keys."""


def linear(colour: str) -> np.ndarray:
    shares = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    lights = sorted(float(np.clip(colour, 0, 1) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("blindness", BLIND)
@pytest.mark.parametrize("label", REVIEW_LABELS)
def test_24_a_mark_stands_out_for_the_colour_blind(blindness: str, label: str) -> None:
    sheet = (TEMPLATES.parent / "static" / "page.css").read_text(encoding="utf-8")
    assert f"--raised: {GROUND_OF_COUNTING}" in sheet
    matrix = np.array(BLIND[blindness])
    seen, ground = matrix @ linear(BY_NAME[label].colour_on_dark), matrix @ linear(GROUND_OF_COUNTING)
    assert contrast(seen, ground) >= 3


def test_24_in_grey_each_class_has_its_letter() -> None:
    letters = [BY_NAME[label].key for label in REVIEW_LABELS]
    assert len(set(letters)) == len(letters)
    for name in ("tally.html", "review.html", "map.html"):
        assert re.search(r"class(es\[label\])?\.key", (TEMPLATES / name).read_text(encoding="utf-8")), name


# -- 26: languages, and what a screen reader hears ---------------------------------------------------------------------

CUT = """() => Array.from(document.querySelectorAll('.btn, button, .foot a, h1, h2, label, .alert, .notice-line'))
  .filter(one => one.offsetParent && !one.closest('.visually-hidden') && one.scrollWidth > one.clientWidth + 1)
  .map(one => one.outerHTML.slice(0, 90))"""


@browser_only
@pytest.mark.parametrize("code", LANGUAGES)
def test_26_no_text_is_cut_on_a_phone_in_any_language(site: Site, open_page: Callable[..., Any], code: str) -> None:
    page = open_page(site, "/history", locale="en")
    page.context.add_cookies([{"name": "language", "value": code, "url": site.address}])
    for path in [
        *(address for address, _ in MENU),
        "/sessions/2",
        "/review/gallery",
        "/trend",
        "/compare?first=1&second=2",
    ]:
        page.goto(site.address + path)
        page.wait_for_selector(".notice-line")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, (code, path)
        assert page.evaluate(CUT) == [], (code, path)
        assert page.text_content(".notice-line") == words_of(code)(RESEARCH_USE_NOTICE)
    assert [said for said in page.complaints if "503" not in said] == []  # no run is behind the live picture


@browser_only
@pytest.mark.parametrize("code", LANGUAGES)
def test_26_the_screen_before_a_count_needs_no_scrolling_in_any_language(
    live_site: Site, open_page: Callable[..., Any], code: str
) -> None:
    page = open_page(live_site, "/pair")
    page.context.add_cookies([{"name": "language", "value": code, "url": live_site.address}])
    page.goto(live_site.address + "/")
    page.wait_for_selector(".start-button")
    size = "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
    assert page.evaluate(size) == [664, 390]
    page.evaluate("""() => {  // as it is once a session was counted
      const link = document.createElement('a');
      link.className = 'btn btn-primary big last-result';
      link.textContent = '…';
      document.querySelector('.count-right').append(link);
    }""")
    assert page.evaluate(size) == [664, 390]


@browser_only
def test_26_a_screen_reader_hears_the_count_at_four_shares_of_the_target(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(site, "/history")
    events = "retry: 600000\n\n"
    for classified in range(0, 101, 2):
        numbers = {"session": 2, "classified": classified, "doubtful": 0, "target": 100, "keys": {}}
        events += f"event: numbers\ndata: {json.dumps(numbers)}\n\n"
    page.route("**/events", lambda route: route.fulfill(body=events, content_type="text/event-stream"))
    page.add_init_script("""addEventListener('DOMContentLoaded', () => {
      window.heard = [];
      const spoken = document.querySelector('[data-spoken]');
      new MutationObserver(() => window.heard.push(spoken.textContent)).observe(spoken, {childList: true});
    })""")
    page.goto(site.address + "/")
    assert page.get_attribute("[data-spoken]", "aria-live") == "polite"
    until(lambda: len(page.evaluate("window.heard")) >= 1 and "100 / 100" in page.evaluate("window.heard"), "the end")
    heard = page.evaluate("window.heard")
    assert len(heard) <= 4
    assert {one.split(" / ")[0] for one in heard} <= {"10", "50", "90", "100"}
    assert page.get_attribute("[data-counts]", "aria-live") is None, "each cell would be read out"


# -- 27: print ---------------------------------------------------------------------------------------------------------


def test_27_the_printed_page_is_the_report_s(site: Site) -> None:
    database = str(site.options.database)
    written = CliRunner().invoke(app, ["report", "--format", "html", "--session", "2", "--db", database])
    assert written.exit_code == 0, written.output
    with site.client(Role.VIEWER, page=True) as phone:
        assert phone.get("/sessions/2/print").text.strip() == written.stdout.strip()
