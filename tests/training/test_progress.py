"""Progress on a terminal, and none of it in a log."""

from __future__ import annotations

import pytest

from hemato_training.progress import Screen


def test_a_log_gets_notes_and_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    assert list(screen.track(iter("abc"), "letters", 3)) == ["a", "b", "c"]
    screen.note("epoch 1")
    assert capsys.readouterr().err == "epoch 1\n"


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(Screen().track(iter("abc"), "letters", 3)) == ["a", "b", "c"]
    assert "letters" in capsys.readouterr().err
