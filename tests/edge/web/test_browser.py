"""A whole count in Chromium, as a person does it: pair, look, start, count, be asked, stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sites import Site, phase, until
from waiting import DEADLINE_S

from hemato_edge.labels import LEUKOCYTES
from hemato_edge.store.reader import Reader
from hemato_edge.web.security.access import Role

BLANK = """() => {
  const newest = document.querySelector("[data-newest]");
  window.blank = [];
  new MutationObserver(() => {
    const pictures = [...newest.querySelectorAll("img")];
    window.blank.push(pictures.filter(picture => !picture.complete || !picture.naturalWidth).length);
  }).observe(newest, { childList: true });
}"""
"""How many of the newest cells have no picture yet, each time that they change."""


def shown(page: Any) -> dict[str, int]:
    """The tally's counts as they stand on the page."""
    keys = page.locator(".key").evaluate_all("keys => keys.map(key => [key.dataset.label, Number(key.dataset.count)])")
    return dict(keys)


def test_the_code_of_the_address_pairs_and_leaves_no_trace_in_it(site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(site, f"/pair?now#code={site.options.own_token}", Role.NOBODY)
    page.wait_for_url(site.address + "/")
    assert "own" not in page.url
    assert page.locator(".notice-line").inner_text().startswith("For Research Use Only.")
    page.go_back()
    assert "own" not in page.url


Error = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").Error


def changes_of(page: Any) -> list[int] | None:
    """What `BLANK` noted, from the second change on; begun again where the page was loaded anew."""
    try:
        if not page.evaluate("'blank' in window"):
            page.evaluate(BLANK)
        noted: list[int] = page.evaluate("window.blank")
    except Error:
        return None
    return noted if len(noted) > 1 else None


def test_01_a_count_from_the_first_look_to_the_end(live_site: Site, open_page: Callable[..., Any]) -> None:
    page = open_page(live_site, "/", Role.COUNTER)
    page.wait_for_selector(".meter.good[data-meter=focus]")
    page.fill("#label", "tube <7>")
    page.click("label[for=target-200]")
    page.click(".start-button")
    page.wait_for_selector(".foot-stop")
    assert page.locator(".bar-label").inner_text() == "tube <7>"
    # no number before it is on disk: what stands there is never more than the store has
    until(lambda: page.evaluate("document.querySelector('.goal-words b')?.textContent > 0"), "what the page waits for")
    before = shown(page)
    with Reader(live_site.options.database) as reader:
        labels = reader.totals(1).labels
    assert all(count <= labels.get(label, 0) for label, count in before.items())
    # now that cells are counted: a page loads anew where the run begins, and where it ends
    other = open_page(live_site, "/", Role.VIEWER, width=1280, height=800)
    assert other.locator(".foot-stop").count() == 0, "who only looks on cannot stop"
    page.wait_for_selector(".cell-mark[data-state=counted]", state="attached")
    assert page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]") == [664, 390]
    assert not any(until(lambda: changes_of(other), "the newest cells"))
    page.click(".foot-stop")
    page.keyboard.press("Escape")
    assert phase(live_site, "counting")["session"] == 1
    page.click(".foot-stop")
    page.click("#stop-dialog .btn-outline-danger")
    page.wait_for_load_state()
    with Reader(live_site.options.database) as reader:
        until(lambda: reader.session(1).state == "finished", "the end")
        labels = reader.totals(1).labels
    page.wait_for_selector(".start-button")  # a fresh run waits for the next session
    other.wait_for_selector("text=may look on")
    told = json.loads(_report(live_site))
    assert {row["label"]: row["count"] for row in told["differential"]} == {
        one: labels.get(one, 0) for one in LEUKOCYTES
    }
    unforeseen = [said for said in page.complaints + other.complaints if "503" not in said]  # no run, for a moment
    assert unforeseen == []


def _report(site: Site) -> str:
    import subprocess
    import sys

    command = [sys.executable, "-m", "hemato_edge.cli.main", "report", "--json", "--session", "1"]
    return subprocess.run(
        [*command, "--db", str(site.options.database)], capture_output=True, text=True, check=True, timeout=DEADLINE_S
    ).stdout
