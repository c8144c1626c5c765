"""SIGHUP: what is taken over while a session runs, what is recorded, and what waits."""

from __future__ import annotations

from pathlib import Path

import pytest
from notify_socket import NotifySocket

from hemato_edge.pipeline.running.notify import Notifier, Watchdog
from hemato_edge.pipeline.running.reloading import LIVE_SECTIONS, Reloader
from hemato_edge.settings import resolve


class Run:
    """A reloader over a real file, and what it did."""

    def __init__(self, file: Path, watchdog: Watchdog | None = None) -> None:
        self.taken: dict[str, object] = {}
        self.notes: list[str] = []
        take = {name: lambda settings, name=name: self.taken.update({name: settings}) for name in LIVE_SECTIONS}
        self.reloader = Reloader(resolve(file), lambda: resolve(file), take, self.notes.append, watchdog or Watchdog())

    def reload(self) -> None:
        self.reloader.request()
        self.reloader.check()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('[camera]\nspec = "demo"\n')
    return path


def test_the_gate_is_taken_over_and_recorded(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(file)
    file.write_text('[camera]\nspec = "demo"\n[quality]\nmin_focus = 0.3\n')
    run.reload()
    assert run.taken["quality"].quality.min_focus == 0.3
    assert run.notes == ["setting:quality.min_focus=0.3"]
    assert "quality.min_focus is now 0.3, before 0.12" in caplog.text
    caplog.clear()
    run.reload()
    assert run.notes == ["setting:quality.min_focus=0.3"]
    assert "nothing has changed" in caplog.text


def test_the_log_level_is_taken_over_and_not_recorded(file: Path) -> None:
    run = Run(file)
    file.write_text('[camera]\nspec = "demo"\n[log]\nlevel = "debug"\n')
    run.reload()
    assert run.taken["log"].log.level == "debug"
    assert run.notes == []


def test_what_belongs_to_the_session_waits_and_is_named(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(file)
    file.write_text('[camera]\nspec = "demo:2"\n[counting]\ntarget = 100\n')
    run.reload()
    assert run.taken == {}
    assert "camera.spec = demo:2 waits for the next start; demo stays" in caplog.text
    assert "counting.target = 100 waits" in caplog.text
    caplog.clear()
    run.reload()
    assert "camera.spec = demo:2 waits" in caplog.text  # still true


def test_a_bad_file_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(file)
    file.write_text("[quality]\nmin_focos = 0.3\n[log]\nlevel = 'debug'\n")
    run.reload()
    assert run.taken == {}
    assert "were not taken over" in caplog.text
    assert "quality.min_focus" in caplog.text


def test_nothing_happens_unasked(file: Path) -> None:
    run = Run(file)
    file.write_text("[quality]\nmin_focus = 0.3\n")
    run.reloader.check()
    assert run.taken == {}


def test_the_service_manager_is_told_of_the_beginning_and_the_end(file: Path, tmp_path: Path) -> None:
    with NotifySocket(tmp_path / "notify") as manager:
        watchdog = Watchdog(Notifier(manager.address))
        watchdog._ready = True
        file.write_text("nonsense")
        with pytest.raises(Exception, match="TOML"):
            Run(file, watchdog)
        file.write_text("")
        run = Run(file, watchdog)
        file.write_text("nonsense")
        run.reload()
        assert int(manager.next()["MONOTONIC_USEC"]) > 0
        assert manager.next()["READY"] == "1"
