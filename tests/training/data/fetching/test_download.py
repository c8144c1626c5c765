from __future__ import annotations

import hashlib
import io
import json
import socket
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("requests")

from training.file_server import Behaviour, serve

from hemato_edge.errors import DataError
from hemato_training.data.fetching import transfer
from hemato_training.data.fetching.archive import unpack
from hemato_training.data.fetching.catalogue import PUBLIC_SETS, PublicSet, public_set
from hemato_training.data.fetching.download import FIRST, LOCK, PUBLISHED, RECORDED, download
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(0).bytes(3_000_000)


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


ARCHIVE = zipped(**{"Set-1a2b/BCCD/a.txt": b"inside", "Set-1a2b/noise": NOISE, "__MACOSX/._a": b"", "Set-1a2b/x": b""})


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def a_set(url: str, **changes: str) -> PublicSet:
    return replace(PublicSet("small", "t", "http://home", url, "small.zip", "MIT", "them", 3, "Set-*/BCCD"), **changes)


def test_full_then_recorded_then_verified(tmp_path: Path) -> None:
    behaviour = Behaviour(ARCHIVE)
    with serve(behaviour) as url:
        first = download(a_set(url), tmp_path)
        assert (first.folder / "a.txt").read_bytes() == b"inside"
        assert first.verified == FIRST
        assert sorted(p.name for p in tmp_path.iterdir()) == [LOCK, "small"]
        entry = json.loads((tmp_path / LOCK).read_text())["small"]
        assert entry["sha256"] == hashlib.sha256(ARCHIVE).hexdigest() == first.sha256
        assert entry["licence"] == "MIT"
        (tmp_path / "small").rename(tmp_path / "elsewhere")
        assert download(a_set(url), tmp_path, keep=True).verified == RECORDED
        assert (tmp_path / "small.zip").read_bytes() == ARCHIVE


def test_a_published_hash_counts(tmp_path: Path) -> None:
    with serve(Behaviour(ARCHIVE)) as url:
        done = download(a_set(url, sha256=hashlib.sha256(ARCHIVE).hexdigest()), tmp_path)
    assert done.verified == PUBLISHED


@pytest.mark.parametrize("recorded", [False, True])
def test_a_wrong_hash_is_refused(tmp_path: Path, recorded: bool) -> None:
    if recorded:
        (tmp_path / LOCK).write_text(json.dumps({"small": {"sha256": "f" * 64}}))
    with serve(Behaviour(ARCHIVE)) as url, pytest.raises(DataError, match="not ffff") as caught:
        download(a_set(url, sha256="" if recorded else "f" * 64), tmp_path)
    assert ("remove its entry" in caught.value.fix) is recorded
    assert [p.name for p in tmp_path.iterdir()] == ([LOCK] if recorded else [])


def test_a_broken_connection_is_taken_up_within_the_call(tmp_path: Path) -> None:
    behaviour = Behaviour(ARCHIVE, cuts=2, cut_after=1_100_000)
    with serve(behaviour) as url:
        download(a_set(url), tmp_path)
    assert behaviour.asked[0] == ""
    assert all(asked.startswith("bytes=") for asked in behaviour.asked[1:])
    assert len(behaviour.asked) == 3


def test_the_next_call_goes_on_where_the_last_broke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    behaviour = Behaviour(ARCHIVE, cuts=1, cut_after=1_500_000)
    with serve(behaviour) as url:
        with pytest.raises(DataError, match="broke after 1") as caught:
            download(a_set(url), tmp_path)
        assert "goes on" in caught.value.fix
        assert not (tmp_path / "small").exists()
        have = (tmp_path / "small.zip.part").stat().st_size
        download(a_set(url), tmp_path)
    assert behaviour.asked == ["", f"bytes={have}-"]
    assert (tmp_path / "small/a.txt").exists()


@pytest.mark.parametrize("changes", [{"ranges": False}, {"validator": False}])
def test_a_server_that_cannot_go_on_starts_anew(tmp_path: Path, changes: dict) -> None:
    behaviour = Behaviour(ARCHIVE, cuts=1, cut_after=1_500_000, **changes)
    with serve(behaviour) as url:
        download(a_set(url), tmp_path)
    assert (tmp_path / "small/a.txt").exists()


def test_a_file_that_changed_meanwhile_is_not_glued_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "TRIES", 1)
    behaviour = Behaviour(ARCHIVE, cuts=1, cut_after=1_500_000)
    with serve(behaviour) as url:
        with pytest.raises(DataError):
            download(a_set(url), tmp_path)
        behaviour.content = zipped(**{"Set-2/BCCD/a.txt": b"new", "Set-2/noise": NOISE[::-1]})
        download(a_set(url), tmp_path)
    assert (tmp_path / "small/a.txt").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("changes", "message", "fix"),
    [
        ({"status": 404}, "no longer there", "home page"),
        ({"status": 403}, "not given to everyone", "--from"),
        ({"status": 503}, "busy", "later"),
        ({"content_type": "text/html; charset=utf-8"}, "web page", "--from"),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, changes: dict, message: str, fix: str) -> None:
    with serve(Behaviour(ARCHIVE, **changes)) as url, pytest.raises(DataError, match=message) as caught:
        download(a_set(url), tmp_path)
    assert fix in caught.value.fix
    assert not (tmp_path / "small").exists()


def test_offline(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with pytest.raises(DataError, match="cannot be reached: this machine is offline") as caught:
            download(a_set(f"http://127.0.0.1:{taken.getsockname()[1]}/x.zip"), tmp_path)
    assert "--from FILE" in caught.value.fix


def test_a_file_fetched_by_hand(tmp_path: Path) -> None:
    archive = tmp_path / "by-hand.zip"
    archive.write_bytes(ARCHIVE)
    by_hand = a_set("")
    with pytest.raises(DataError, match="cannot be fetched by a program"):
        download(by_hand, tmp_path / "data")
    done = download(by_hand, tmp_path / "data", archive=archive)
    assert (done.folder / "a.txt").exists()
    assert archive.exists()
    with pytest.raises(DataError, match="there already"):
        download(by_hand, tmp_path / "data", archive=archive)


def tarred(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def link(name: str, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(**{"../out.txt": b"x"}), "outside of its folder"),
        (zipped(**{"/etc/out.txt": b"x"}), "outside of its folder"),
        (zipped(**{"a\\..\\..\\out.txt": b"x"}), "outside of its folder"),
        (tarred(tarfile.TarInfo("../../out.txt"), b"x"), "outside of its folder"),
        (tarred(link("a", "/etc")), "outside of its folder"),
        (zipped(bomb=bytes(200_000_000)), "unpack to 0.2 GB"),
        (ARCHIVE[:-100], "neither a zip nor a tar"),
        (ARCHIVE[:2_000_000] + b"xxxx" + ARCHIVE[2_000_004:], "damaged"),
        (b"<html>", "neither a zip nor a tar"),
    ],
    # names of their own: an archive's holds the time at which it was made, and parallel runs must name tests alike
    ids=["up", "absolute", "backslashes", "up in a tar", "link", "bomb", "cut off", "damaged", "a page"],
)
def test_what_is_not_unpacked(tmp_path: Path, content: bytes, message: str) -> None:
    archive = tmp_path / "down" / "set.zip"
    archive.parent.mkdir()
    archive.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        unpack(archive, tmp_path / "down" / "set", "", Silent())
    assert caught.value.fix
    assert [p.name for p in tmp_path.rglob("*")] == ["down", "set.zip"]


def test_a_tar_archive(tmp_path: Path) -> None:
    archive = tmp_path / "set.tar.gz"
    archive.write_bytes(tarred(tarfile.TarInfo("top/a.txt"), b"inside"))
    assert unpack(archive, tmp_path / "set", "top", Silent()) == 1
    assert (tmp_path / "set/a.txt").read_bytes() == b"inside"


def test_the_registry() -> None:
    for one in PUBLIC_SETS.values():
        assert one.home.startswith("https://")
        assert one.licence
        assert bool(one.url) == bool(one.archive)
        assert one.url == "" or one.url.startswith("https://")
    with pytest.raises(DataError, match="'nowhere'") as caught:
        public_set("nowhere")
    assert "bccd" in caught.value.fix
