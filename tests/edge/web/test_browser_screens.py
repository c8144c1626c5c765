"""Every screen in Chromium: widths, keyboards, accessibility, policy; run with `make test-page`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import pytest
from sites import Site, phase, until

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Start
from hemato_edge.web.pages import MENU
from hemato_edge.web.security.access import Role

pytestmark = pytest.mark.browser
SCREENS = [address for address, _ in MENU]
WALK = {"profile": "40x", "by": "Ada", "wanted": "50", "unnamed": "1"}
FURTHER_SCREENS = (
    *("/", "/microscope", "/calibrate", "/calibrate?profile=40x", "/calibrate?profile=40x&step=micrometer"),
    *("/calibrate?profile=40x&step=mask", "/calibrate?profile=40x&step=done", "/calibrate?profile=100x&step=done"),
    *("/verify?profile=40x", f"/verify/cell?{urlencode(WALK)}", f"/verify/cell?{urlencode(WALK | {'by': 'Bo'})}"),
    *("/verify/result?profile=40x", "/settings", "/settings/edit?setting=counting.target"),
    *("/settings/edit?setting=reference.neutrophil", "/settings/edit?setting=display.bell", "/devices", "/map"),
    *(
        "/history",
        "/sessions/2",
        "/compare?first=1&second=2",
        "/trend",
        "/review?session=2",
        "/review/gallery?session=2",
    ),
)
"""Screens that a run that counts does not show, or shows otherwise."""
DIALOGS = (("/", ".foot-stop"), ("/", "[data-opens=note-dialog]"), ("/history", ".menu summary"))
"""Screen, and what is pressed on it to open more."""
WIDTHS = (320, 390, 768, 1280, 1920)
OUTSIDE = """() => {
  const hidden = '.visually-hidden, .visually-hidden-focusable, svg';
  const scrolls = one => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(one).overflowX);
  const boxed = one => one.parentElement && (scrolls(one.parentElement) || boxed(one.parentElement));
  return Array.from(document.querySelectorAll('main *, header *, .page-end *')).filter(one => {
    if (!one.checkVisibility() || one.closest(hidden) || boxed(one)) return false;
    const {left, right, width} = one.getBoundingClientRect();
    return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
  }).map(one => one.outerHTML.slice(0, 90));
}"""
"""What lies, wholly or in part, beside the page; nothing is wrong with what scrolls in a box of its own."""
HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture(scope="module")
def counting(live_site: Site) -> Site:
    """The live site while it counts without an end."""
    with DoorClient(live_site.options.door) as client:
        client.ask(Start("tube 7", 0))
    phase(live_site, "counting")
    return live_site


@pytest.fixture(scope="module")
def microscope_verified(microscope: Site) -> Site:
    """A run that waits, two recorded sessions, and an objective that is calibrated and verified."""
    with microscope.client(Role.KEEPER) as phone:
        said = {"what": "micrometer", "profile": "40x", "objective": "Plan 40×", "x1": 500, "y1": 2400, "x2": 5500}
        phone.post("/calibrate", json=said | {"y2": 2400, "distance_nm": 50_000}).raise_for_status()
        for cell in phone.get("/verify/cells", params=WALK).json()["cells"]:
            phone.post("/verify/name", json=cell | {"by": "Ada", "label": "neutrophil"}).raise_for_status()
        phone.post("/verify", json={"profile": "40x", "unnamed": 1}).raise_for_status()
    phase(microscope, "waiting")
    return microscope


@pytest.mark.parametrize("path", SCREENS)
def test_21_25_no_screen_scrolls_sideways_complains_or_leaves_the_host(
    counting: Site, open_page: Callable[..., Any], path: str
) -> None:
    stays_within(open_page(counting, path), counting, path)


@pytest.mark.parametrize("path", FURTHER_SCREENS)
def test_21_25_no_screen_without_a_count_scrolls_sideways_complains_or_leaves_the_host(
    microscope_verified: Site, open_page: Callable[..., Any], path: str
) -> None:
    stays_within(open_page(microscope_verified, path), microscope_verified, path)


def stays_within(page: Any, site: Site, path: str) -> None:
    """Nothing of a screen lies beside it, whatever its width; it asks nobody else, and complains of nothing."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        page.wait_for_selector(".notice-line")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
        assert page.evaluate(OUTSIDE) == [], f"{path} at {width}"
    assert page.complaints == []
    assert all(url.startswith((site.address, "blob:", "data:")) for url in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*SCREENS, "/pair", "/no/such/page"])
def test_23_axe_finds_nothing_serious(counting: Site, open_page: Callable[..., Any], path: str, scheme: str) -> None:
    assert grave_findings(open_page, counting, path, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", FURTHER_SCREENS)
def test_23_axe_finds_nothing_serious_without_a_count(
    microscope_verified: Site, open_page: Callable[..., Any], path: str, scheme: str
) -> None:
    assert grave_findings(open_page, microscope_verified, path, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("path", "opener"), DIALOGS)
def test_23_axe_finds_nothing_serious_in_a_dialog(
    counting: Site, open_page: Callable[..., Any], path: str, opener: str, scheme: str
) -> None:
    assert grave_findings(open_page, counting, path, scheme, opener) == []


def grave_findings(
    open_page: Callable[..., Any], site: Site, path: str, scheme: str, opener: str = ""
) -> list[tuple[str, list[str]]]:
    """What axe-core calls serious or critical: its rule and the elements. `opener`: pressed before."""
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python brings axe-core")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    page = open_page(site, path, color_scheme=scheme, bypass_csp=True)
    page.evaluate(f"localStorage.setItem('theme', '{scheme}')")
    page.reload()
    page.wait_for_selector(".notice-line")
    if opener:
        page.click(opener)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_what_was_counted_last_is_one_press_away(microscope_verified: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(microscope_verified, "/")
    assert page.title() == "Prepare"
    assert page.locator(".menu [aria-current]").text_content() == "Prepare"
    box = page.locator(".last-result").bounding_box()
    assert box["width"] >= 390 - 24
    assert box["height"] >= 48
    assert box["y"] + box["height"] <= 664, "without scrolling"
    page.click(".last-result")
    page.wait_for_url("**/sessions/2")
    for action in ("a[href^='/review']", "a[href$='/print']", "[data-opens=approve-dialog]"):
        box = page.locator(f".foot {action}").bounding_box()
        assert box["height"] >= 48
        assert box["y"] + box["height"] <= 664, f"{action} without scrolling"


def test_05_the_boxes_of_cells_that_stay_on_view_do_not_blink(counting: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(counting, "/")
    page.wait_for_selector(".cell-mark[data-state=counted]", state="attached")
    record = """async () => {
      const seen = [], root = document.querySelector('[data-live]');
      let last = '';
      while (seen.length < 40) {
        await new Promise(requestAnimationFrame);
        if (root.dataset.seq === last) continue;
        last = root.dataset.seq;
        seen.push(Array.from(root.querySelectorAll('.cell-mark[data-state=counted]'), one => {
          const box = one.querySelector('.mark-box');
          const [x, y, w] = ['x', 'y', 'width'].map(name => Number(box.getAttribute(name)));
          return [one.dataset.number, x > -w && y > -w && x < 640 && y < 480];
        }));
      }
      return seen;
    }"""
    frames = page.evaluate(record)
    blinks = 0
    for before, now, after in zip(frames, frames[1:], frames[2:], strict=False):
        seen = {number for number, seen in before if seen} & {number for number, seen in after if seen}
        blinks += bool(now) and len(seen - {number for number, _ in now})
    assert blinks == 0


def test_without_scripts_there_is_a_picture_and_one_can_pair(counting: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(counting, "/", java_script_enabled=False)
    picture = page.locator(".picture noscript img, .picture img")
    assert picture.count() == 1
    page = open_page(counting, "/pair", Role.NOBODY, java_script_enabled=False)
    page.fill("#code", "12345678")
    page.click("form[action='/pair'] button")
    page.wait_for_selector(".alert-danger")


def test_10_a_hidden_page_asks_for_nothing_and_a_shown_one_at_once(
    counting: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page(counting, "/")
    until(lambda: page.evaluate("document.querySelector('[data-live]').dataset.seq"), "what the page waits for")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(HIDE, True)
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(3000)
    assert asked == []
    page.evaluate(HIDE, False)
    page.wait_for_timeout(1000)
    assert any("/live/frame" in url for url in asked)
    assert any("/events" in url for url in asked)


def test_10_seven_tabs_all_have_a_picture(counting: Site, open_page: Callable[..., Any]) -> None:
    first = open_page(counting, "/")
    tabs = [first, *(first.context.new_page() for _ in range(6))]
    for tab in tabs:  # headless tabs are never hidden by themselves; a person sees one at a time
        if tab is not first:
            tab.goto(counting.address + "/")
        until(lambda tab=tab: tab.evaluate("document.querySelector('[data-live]').dataset.seq"), "a picture")
        tab.evaluate(HIDE, True)
    first.evaluate("delete document.querySelector('[data-live]').dataset.seq")
    first.evaluate(HIDE, False)
    until(lambda: first.evaluate("document.querySelector('[data-live]').dataset.seq"), "a picture again")


def test_23_the_keys_do_what_help_says(counting: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(counting, "/", Role.COUNTER, width=1280, height=800)
    until(lambda: page.evaluate("document.querySelector('[data-live]').dataset.seq"), "what the page waits for")
    page.keyboard.press("?")
    assert page.locator("#help-dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("#help-dialog:not([open])", state="attached")
    page.keyboard.press("b")
    page.wait_for_selector(".marks.hidden", state="attached")
    page.keyboard.press("b")
    page.keyboard.press("s")
    assert page.locator("#stop-dialog[open]").count() == 1
    assert page.evaluate("document.activeElement.textContent") == "Go on"
    page.keyboard.press("Enter")
    assert page.locator("#stop-dialog[open]").count() == 0
    assert phase(counting, "counting")


def test_the_theme_is_kept_and_night_is_dark(counting: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(counting, "/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.click(".foot [data-theme-next]")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    page.click(".foot [data-theme-next]")
    assert page.evaluate("document.documentElement.className") == "night"
