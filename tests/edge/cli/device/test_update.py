"""`hemato-edge update` as a person types it; what an update does stands in tests/edge/updating."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from outcomes import assert_one_line_error

if TYPE_CHECKING:
    from conftest import Program


def test_no_update_is_trusted_without_a_key(program: Program, tmp_path: Path) -> None:
    (tmp_path / "new.update").write_text("nothing")
    done = program("update", "new.update")
    assert_one_line_error(done, 6, "no folder of trusted keys", "hemato-edge model trust")


def test_the_name_of_the_command_need_not_be_typed(program: Program, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    (tmp_path / "no.update").write_text("nothing")
    for words in (("no.update",), ("apply", "no.update"), ("--force", "no.update")):
        assert_one_line_error(program("update", *words, "--keys", "keys"), 15, "no.update is no update")
    for keys in ((), ("--keys", "keys")):
        assert_one_line_error(
            program("update", "gone.update", *keys), 15, "There is no file gone.update", "Check the path"
        )


def test_make_needs_a_wheel_of_this_program(program: Program, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    assert program("model", "key", "maker").returncode == 0
    made = program("update", "make", "new.update", "--wheel", "maker", "--key", "maker")
    assert_one_line_error(made, 15, "maker is no wheel", "python -m build --wheel")
    gone = program("update", "make", "new.update", "--wheel", "gone.whl", "--key", "maker")
    assert_one_line_error(gone, 15, "gone.whl cannot be read", "Check the path")
    assert not (tmp_path / "new.update").exists()


def test_status_tells_what_is_in_use(program: Program) -> None:
    done = program("update", "status", "--json")
    if done.returncode == 15:  # the tests' own environment has the program by its path alone
        assert_one_line_error(done, 15, "pip has not installed hemato-edge in")
    else:
        assert json.loads(done.stdout)["complete"] is True
