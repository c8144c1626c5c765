"""What is no update, or not as it was signed, is refused before anything of it is used."""

from __future__ import annotations

import json
import shutil
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from hemato_edge.errors import UpdateError
from hemato_edge.models.bundle import shipped_classifier, shipped_locator
from hemato_edge.models.keys import make_signing_key, trust
from hemato_edge.updating.making import make_update
from hemato_edge.updating.package import order_of, read_package, unpack

pytest.importorskip("cryptography", reason="cryptography is not installed")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "hemato_edge-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hemato_edge/about.py", "x" * 1000)
        archive.writestr("hemato_edge-0.3.0.dist-info/METADATA", "Name: hemato-edge\nVersion: 0.3.0\n")
    return path


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    make_signing_key(tmp_path / "key")
    trust(tmp_path / "key.pub", tmp_path / "trusted")
    return tmp_path / "trusted"


@pytest.fixture
def file(tmp_path: Path, wheel: Path, trusted: Path) -> Path:
    made = tmp_path / "new.update"
    make_update(made, [wheel], [shipped_classifier(), shipped_locator()], "better", tmp_path / "key")
    return made


def changed(file: Path, name: str, content: bytes | None) -> Path:
    """A copy with another content of a part, or without it."""
    copy = file.with_name("changed.update")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        for one in old.namelist():
            if one != name:
                new.writestr(one, old.read(one))
        if content is not None:
            new.writestr(name, content)
    return copy


def test_an_update_holds_what_was_put_into_it(file: Path, wheel: Path, trusted: Path, tmp_path: Path) -> None:
    update = read_package(file, trusted)
    assert (update.version, update.note, len(update.parts)) == ("0.3.0", "better", 3)
    assert [part.name for part in update.models] == ["models/classifier.tflite", "models/locator.tflite"]
    out = tmp_path / "out"
    out.mkdir()
    unpack(update, out)
    assert (out / wheel.name).read_bytes() == wheel.read_bytes()
    assert (out / "locator.tflite").read_bytes() == shipped_locator().read_bytes()


def test_a_key_that_is_not_trusted_is_refused(file: Path, tmp_path: Path) -> None:
    make_signing_key(tmp_path / "other")
    trust(tmp_path / "other.pub", tmp_path / "others")
    with pytest.raises(UpdateError, match="No trusted key has signed") as told:
        read_package(file, tmp_path / "others")
    assert "model trust" in told.value.fix
    with pytest.raises(UpdateError, match="No trusted key"):
        read_package(file, tmp_path / "empty")


def test_a_changed_list_is_refused(file: Path, trusted: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["version"] = "9.9.9"
    with pytest.raises(UpdateError, match="No trusted key has signed"):
        read_package(changed(file, "manifest.json", json.dumps(manifest).encode()), trusted)


@pytest.mark.parametrize("content", [b"other", b"", None])
def test_a_changed_part_is_refused(file: Path, trusted: Path, tmp_path: Path, content: bytes | None) -> None:
    other = read_package(changed(file, "models/locator.tflite", content), trusted)
    (tmp_path / "out").mkdir()
    with pytest.raises(UpdateError, match="models/locator.tflite"):
        unpack(other, tmp_path / "out")


def test_a_longer_part_is_cut_short(file: Path, trusted: Path, tmp_path: Path) -> None:
    bomb = read_package(changed(file, "models/locator.tflite", bytes(64_000_000)), trusted)
    (tmp_path / "out").mkdir()
    with pytest.raises(UpdateError, match="not what was signed"):
        unpack(bomb, tmp_path / "out")
    assert (tmp_path / "out/locator.tflite").stat().st_size <= shipped_locator().stat().st_size + (1 << 20)


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "signature"])
def test_what_is_no_update_is_told(file: Path, trusted: Path, damage: str) -> None:
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    elif damage == "text":
        file.write_text("no archive")
    elif damage == "missing":
        file.unlink()
    else:
        file = changed(file, "signature.json", b'{"signature": "zz"}')
    with pytest.raises(UpdateError) as told:
        read_package(file, trusted)
    assert told.value.fix


def test_only_wheels_and_models_are_parts_of_an_update(wheel: Path, tmp_path: Path, trusted: Path) -> None:
    with pytest.raises(UpdateError, match="one wheel of hemato-edge"):
        make_update(tmp_path / "x", [], [], "", tmp_path / "key")
    with pytest.raises(UpdateError, match="no wheel"):
        make_update(tmp_path / "x", [tmp_path / "key"], [], "", tmp_path / "key")
    twice = [shipped_classifier(), shipped_classifier()]
    with pytest.raises(UpdateError, match="second model of its task"):
        make_update(tmp_path / "x", [wheel], twice, "", tmp_path / "key")
    odd = tmp_path / "odd name.whl"
    shutil.copyfile(wheel, odd)
    with pytest.raises(UpdateError, match="no file of an update"):
        make_update(tmp_path / "x", [odd], [], "", tmp_path / "key")


def test_versions_in_their_order() -> None:
    names = ["0.2.0.dev1", "0.2.0a1", "0.2.0rc1", "0.2.0", "0.2.0.post1", "0.2.1", "0.10", "1.0", "1.0.1"]
    assert all(order_of(one) < order_of(two) for one, two in pairwise(names))
    assert order_of("1.0") == order_of("1.0.0")
    with pytest.raises(UpdateError, match="no version"):
        order_of("../1.0")
