"""Which pictures are one slide, and whether a source has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archived import never
from recorded import record, session_start

from hemato_edge.archives.sources import PICTURES, SESSION, VIDEO, sessions_in, sources_in
from hemato_edge.errors import ArchiveError, StoreError
from hemato_edge.store.writer import open_writer


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/2.JPG", "a/notes.txt", "a/deep/3.tif", "b/walk.mp4", "top.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path


def found(*named: Path, recursive: bool = True, each: bool = False) -> dict[str, tuple[str, list[str]]]:
    sources = sources_in(named, recursive=recursive, each=each, failed=never)
    return {source.name: (source.kind, [Path(file).name for file in source.files]) for source in sources}


def test_a_folder_is_a_slide_and_a_video_stands_alone(archive: Path) -> None:
    assert found(archive) == {
        str(archive): (PICTURES, ["top.png"]),
        str(archive / "a"): (PICTURES, ["1.png", "2.JPG"]),
        str(archive / "a/deep"): (PICTURES, ["3.tif"]),
        str(archive / "b/walk.mp4"): (VIDEO, ["walk.mp4"]),
    }
    assert set(found(archive / "a", recursive=False)) == {str(archive / "a")}


def test_strangers_are_sources_of_their_own(archive: Path) -> None:
    assert set(found(archive / "a", recursive=False, each=True)) == {str(archive / "a/1.png"), str(archive / "a/2.JPG")}


def test_what_is_named_twice_counts_once(archive: Path) -> None:
    twice = found(archive / "a", archive / "a/1.png", recursive=False)
    assert twice == found(archive / "a", recursive=False)


def test_nothing_to_analyse_says_what_to_do(archive: Path) -> None:
    (archive / "empty").mkdir()
    with pytest.raises(ArchiveError, match=r"no picture and no video.*--recursive"):
        found(archive / "empty", recursive=False)
    with pytest.raises(ArchiveError, match="There is no file"):
        found(archive / "gone.png")


def test_a_source_has_changed_when_a_file_has(archive: Path) -> None:
    def digest() -> str:
        return sources_in([archive / "a"], recursive=False, each=False, failed=never)[0].digest

    first = digest()
    assert digest() == first
    os.utime(archive / "a/1.png", ns=(1, 1))
    touched = digest()
    (archive / "a/4.png").write_bytes(b"")
    assert len({first, touched, digest()}) == 3


def test_a_folder_that_cannot_be_read_is_told(archive: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every folder")
    (archive / "a").chmod(0)
    told: list[str] = []
    sources_in([archive], recursive=True, each=False, failed=lambda name, reason: told.append(f"{name} {reason}"))
    (archive / "a").chmod(0o755)
    assert len(told) == 1


def test_sessions_that_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"] * 3)
    with open_writer(path) as writer:
        writer.start_session(session_start())
        told: list[str] = []
        (source,) = sessions_in(path, [], lambda name, reason: told.append(f"{name} {reason}"))
        assert (source.name, source.kind, source.session) == (f"{path}#1", SESSION, 1)
        assert told == [f"{path}#2 It is being recorded. Analyse it again when it has ended."]
    with pytest.raises(StoreError, match="no session 9"):
        sessions_in(path, [9], never)
