"""Which release Python uses: one line in one file, that holds as long as what pip installed is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hemato_edge.errors import UpdateError
from hemato_edge.updating.applying import apply, roll_back
from hemato_edge.updating.package import Update
from hemato_edge.updating.releases import BASE, LINE, Releases, State

NEW, NEWER = "0.3.0-aaaaaaaaaaaa", "0.3.1-bbbbbbbbbbbb"


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    """An environment with version 0.2.0 by pip and two releases beside it; its folder has a name that needs quoting."""
    site_packages = tmp_path / "it's a place" / "site-packages"
    about = site_packages / "hemato_edge-0.2.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hemato-edge\nVersion: 0.2.0\n")
    found = Releases(site_packages)
    for release in (NEW, NEWER):
        found.place(release).mkdir(parents=True)
    return found


def first_place(releases: Releases) -> str:
    """Where a new Python looks first, having read the line."""
    program = (
        f"import site, sys; before = sys.path[0]; site.addsitedir({str(releases.site_packages)!r}); print(sys.path[0])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


def test_the_line_puts_a_release_first_and_nothing_else(releases: Releases) -> None:
    assert (releases.current, releases.state()) == (BASE, State())
    releases.use(NEW, previous=BASE, trusted=True)
    assert first_place(releases) == str(releases.place(NEW))
    assert (releases.current, releases.version_of(releases.current)) == (NEW, "0.3.0")
    releases.use(NEWER, previous=NEW, trusted=True)
    assert first_place(releases) == str(releases.place(NEWER))
    assert releases.state() == State(NEWER, NEW, trusted=True)
    releases.use(BASE, previous=NEWER, trusted=True)
    assert first_place(releases) != str(releases.place(NEWER))
    assert releases.version_of(releases.current) == "0.2.0"


def test_another_version_by_pip_ends_it(releases: Releases) -> None:
    releases.use(NEW, previous=BASE, trusted=True)
    about = releases.site_packages / "hemato_edge-0.2.0.dist-info"
    about.rename(about.with_name("hemato_edge-0.4.0.dist-info"))
    assert first_place(releases) != str(releases.place(NEW))
    assert releases.current == BASE


def test_what_python_uses_counts_whatever_was_noted(releases: Releases) -> None:
    releases.use(NEW, previous=BASE, trusted=True)
    releases.note(State(BASE, None))  # as an end between the two files leaves it
    assert releases.state() == State(NEW, BASE, trusted=False)
    (releases.folder / "state.json").write_text("{cut")
    assert releases.state() == State(NEW, BASE, trusted=False)


def test_only_what_is_used_and_what_came_before_is_kept(releases: Releases) -> None:
    (releases.folder / ".0.3.2.part").mkdir()
    releases.use(NEW, previous=BASE, trusted=True)
    releases.tidy()
    assert [place.name for place in releases.folder.iterdir() if place.is_dir()] == [NEW]


def test_whoever_runs_the_service_can_read_it_whatever_root_s_mask(releases: Releases) -> None:
    releases.use(NEW, previous=BASE, trusted=True)
    before = os.umask(0o077)
    try:
        roll_back(releases, None)
        roll_back(releases, None)
    finally:
        os.umask(before)
    assert (releases.site_packages / LINE).stat().st_mode & 0o044 == 0o044


def test_what_cannot_be_used_is_refused(releases: Releases, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="no release 9"):
        releases.use("9", previous=None, trusted=True)
    with pytest.raises(UpdateError, match="no version to go back to"):
        roll_back(releases, None)
    with pytest.raises(UpdateError, match="pip has not installed hemato-edge"):
        Releases(tmp_path)
    releases.use(NEW, previous=BASE, trusted=True)
    with pytest.raises(UpdateError, match="does not start: no camera"):
        roll_back(releases, lambda: "no camera")


def test_after_an_update_that_does_not_start_the_version_before_the_old_one_is_still_there(releases: Releases) -> None:
    releases.use(NEW, previous=BASE, trusted=True)
    asked = Update(Path("x.update"), "0.3.1", "", "key", (), NEWER)
    answers = iter(["no camera", None])
    with pytest.raises(UpdateError, match=r"does not start with 0\.3\.1 \(no camera\); the old version runs again"):
        apply(asked, releases, restart=lambda: next(answers))
    assert releases.state() == State(NEW, BASE, trusted=True)
    assert roll_back(releases, None).now == "0.2.0"
