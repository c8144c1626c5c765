"""Files appear whole or not at all, and never in the place of what is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.output_files import OutputError, write_aside, written_aside

if TYPE_CHECKING:
    from pathlib import Path

MARK = f"\n{RESEARCH_USE_NOTICE}\n".encode()


def test_what_fails_halfway_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("before")

    def fail() -> None:
        with written_aside(target) as stream:
            stream.write(b"half")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_the_mode_of_what_was_there_stays_and_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    write_aside(target, b"before" + MARK)
    target.chmod(0o640)
    link.symlink_to(target)
    write_aside(link, b"after" + MARK)
    assert target.read_bytes() == b"after" + MARK
    assert (target.stat().st_mode & 0o777, link.is_symlink()) == (0o640, True)


def test_what_somebody_else_wrote_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("my own")
    for written in (b"a report" + MARK, b"\x89PNG"):
        with pytest.raises(OutputError, match="no earlier output"):
            write_aside(target, written)
    assert target.read_text() == "my own"
    assert list(tmp_path.iterdir()) == [target]
    write_aside(target, b"kept by the program alone", ours=True)
    assert target.read_bytes() == b"kept by the program alone"


@pytest.mark.parametrize("kind", ["itself", "symbolic", "hard"])
def test_an_input_is_never_replaced(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "field.png"
    source.write_bytes(b"pixels")
    target = source if kind == "itself" else tmp_path / "out.png"
    if kind == "symbolic":
        target.symlink_to(source)
    elif kind == "hard":
        os.link(source, target)
    with pytest.raises(OutputError, match="an input of this command"):
        write_aside(target, b"boxes", inputs=[source])
    assert source.read_bytes() == b"pixels"


def test_a_folder_that_is_not_there_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_aside(tmp_path / "none" / "x.csv", b"")
    assert caught.value.fix


def test_a_device_is_written_to_as_it_is() -> None:
    from pathlib import Path

    write_aside(Path("/dev/null"), b"gone")
    with pytest.raises(OutputError, match="No space left"):
        write_aside(Path("/dev/full"), b"x" * 100_000)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*nodir"), written_aside(tmp_path / "nodir" / "x"):
        pass
