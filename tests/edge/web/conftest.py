"""The page's fixtures: a site over a store, one with a real run behind a real door, and Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chromium import CHROMIUM, CHROMIUM_ARGUMENTS
from recorded_sessions import recorded
from sites import PATIENCE_S, Site, phase, serving

from hemato_edge.web.demo import Runs
from hemato_edge.web.security.access import Role
from hemato_edge.web.services import PageOptions


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page over a store with two finished sessions; nothing runs behind the door."""
    folder = tmp_path_factory.mktemp("site")
    recorded(folder / "counts.db")
    with serving(PageOptions(folder / "counts.db", folder / "door.sock", folder / "web", own_token="own" * 10)) as made:
        yield made


@pytest.fixture(scope="module")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page with a real run over the live demo behind a real door; it waits for a session."""
    folder = tmp_path_factory.mktemp("live")
    options = PageOptions(folder / "counts.db", folder / "door.sock", folder / "web")
    with Runs(["--camera", "live-demo"], options.door, options.database), serving(options) as made:
        phase(made, "waiting")
        yield made


@pytest.fixture(scope="module")
def microscope(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page over two recorded sessions and a run that waits, with profiles and settings of its own."""
    folder = tmp_path_factory.mktemp("microscope")
    recorded(folder / "counts.db")
    options = PageOptions(folder / "counts.db", folder / "door.sock", folder / "web")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMATO_EDGE_CALIBRATION__FOLDER", str(folder / "profiles"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        with Runs(["--camera", "live-demo"], options.door, options.database), serving(options) as made:
            phase(made, "waiting")
            yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless, with a profile of its own; skips where there is none.

    It ends with its module: while it lives its event loop runs in this thread, where another test could start none.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: `make debian` installs it")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a paired phone's page: `open_page(site, "/", role, width=…)`; its `complaints` must stay empty."""
    contexts = []

    def opened(
        site: Site, path: str, role: Role = Role.KEEPER, width: int = 390, height: int = 664, **options: Any
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        if role is not Role.NOBODY:
            context.add_cookies([{"name": site.cookie, "value": site.token(role), "url": site.address}])
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(site.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
