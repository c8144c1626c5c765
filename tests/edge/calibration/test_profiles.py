"""Profiles on disk: kept whole, and every way a file can be wrong."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from hemato_edge.aperture import Aperture
from hemato_edge.calibration.flat_field import NODES, FlatFieldMap
from hemato_edge.calibration.profile import FORMAT, ControlsPart, FlatFieldPart, MaskPart, Profile, ScalePart
from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.errors import CalibrationError
from hemato_edge.rim_light import RimLight

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
SCALE = ScalePart(um_per_px=0.105, um_per_px_uncertainty=0.0003, method="stage micrometer", source="x", created=NOW)


def gains() -> np.ndarray:
    return np.linspace(1, 1.5, NODES[0] * NODES[1] * 3, dtype=np.float32).reshape(*NODES, 3)


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    folder = ProfileFolder(tmp_path / "deep" / "profiles")
    flat = FlatFieldPart.of(FlatFieldMap(gains(), 10, 0.01), NOW)
    controls = ControlsPart(driver="picamera2", values={"AeEnable": False, "ColourGains": [1.5, 2.0]}, created=NOW)
    folder.save(
        Profile(
            name="40x", objective="40x/0.65", frame_size=(640, 480), scale=SCALE, flat_field=flat, controls=controls
        )
    )
    return folder


def test_what_was_kept_comes_back(folder: ProfileFolder) -> None:
    profile = folder.load("40x")
    assert profile.scale == SCALE
    assert profile.flat_field is not None
    assert np.array_equal(profile.flat_field.map(), gains())
    section = profile.session_section()
    assert section["um_per_px"] == 0.105
    assert section["controls"] == {"AeEnable": False, "ColourGains": [1.5, 2.0]}
    assert section["flat_field_sha256"] == profile.flat_field.sha256
    assert json.loads(json.dumps(section)) == section
    assert [file.name for file in folder.path.iterdir()] == ["40x.json"]
    assert (folder.path / "40x.json").stat().st_size < 30_000


def test_a_mask_that_was_kept_comes_back(folder: ProfileFolder) -> None:
    hidden, overlay = np.zeros((400, 600), bool), np.zeros((400, 600), bool)
    hidden[:40, :50] = overlay[300:310] = True
    rim = RimLight((300.0, 200.0), 190.5, ((0.9, 0.95, 0.9), (0.4, 0.5, 0.45)), (8.0, 8.0, 9.0))
    outer = Aperture((640, 480), (20, 40, 620, 440), hidden, None, ("round",), 2.5, rim)
    mask = MaskPart.of(outer, overlay, told=True, share=0.78, frames=40, created=NOW)
    folder.save(folder.load("40x").with_parts({"mask": mask}))
    profile = folder.load("40x")
    assert profile.format == FORMAT
    assert profile.mask is not None
    known = profile.mask.aperture(profile.frame_size)
    assert (known.rectangle, known.kinds, known.retreat_px) == (outer.rectangle, outer.kinds, outer.retreat_px)
    assert known.rim == rim
    assert np.array_equal(known.hidden, hidden)
    assert np.array_equal(profile.mask.overlay_mask(), overlay)
    assert profile.session_section()["mask"] == {"kinds": ["round"], "slide_share": 0.78}
    assert profile.with_parts({"mask": None}).format == 1
    folder.save(profile.with_parts({"mask": mask.model_copy(update={"rectangle": (0, 0, 600, 300)})}))
    with pytest.raises(CalibrationError, match="its mask is no picture of its rectangle"):
        folder.load("40x")


def test_a_profile_without_a_scale_states_no_micrometre(folder: ProfileFolder) -> None:
    folder.save(Profile(name="light", frame_size=(640, 480)))
    section = folder.load("light").session_section()
    assert section["um_per_px"] is section["um_per_px_uncertainty"] is None


def test_names_load_and_remove(folder: ProfileFolder) -> None:
    assert folder.names() == ["40x"]
    with pytest.raises(CalibrationError, match="no calibration profile 400x; there are 40x") as caught:
        folder.load("400x")
    assert "Did you mean 40x?" in caught.value.fix
    folder.remove("40x")
    assert folder.names() == []
    with pytest.raises(CalibrationError, match="holds none"):
        folder.remove("40x")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "with space", "x" * 65])
def test_names_that_are_no_file_names(folder: ProfileFolder, name: str) -> None:
    with pytest.raises(CalibrationError, match="is not a valid profile name"):
        folder.load(name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no JSON"),
        (b'{"format": 1, "name"', "it is no JSON"),
        (b"\xff\xfe\x00", "it is no text"),
        (b"[]", "damaged"),
        (b'{"format": 1, "name": "40x"}', "frame_size: field required"),
        (b'{"format": 1, "name": "40x", "frame_size": [1, 2], "colour": 3}', "colour: extra inputs"),
        (b'{"format": 9, "something": "new"}', "of format 9; this program knows 3"),
    ],
)
def test_damaged_and_newer_files(folder: ProfileFolder, content: bytes, said: str) -> None:
    (folder.path / "40x.json").write_bytes(content)
    with pytest.raises(CalibrationError, match=said):
        folder.load("40x")


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("scale", "um_per_px", -1, "um_per_px: input should be greater than 0"),
        ("scale", "um_per_px", "NaN", "damaged"),
        ("scale", "created", "2026-01-01T00:00:00", "timezone"),
        ("flat_field", "gain", "AAAA", "the hash does not match"),
        ("flat_field", "gain", "no base64!", "the map is no base64"),
        ("flat_field", "rows", 7, "bytes, not"),
    ],
)
def test_a_changed_value_is_refused(folder: ProfileFolder, part: str, key: str, value: object, said: str) -> None:
    file = folder.path / "40x.json"
    tree = json.loads(file.read_text())
    tree[part][key] = value
    file.write_text(json.dumps(tree))
    with pytest.raises(CalibrationError, match=said):
        folder.load("40x")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CalibrationError, match="cannot be written"):
        ProfileFolder(tmp_path / "file" / "profiles").save(Profile(name="a", frame_size=(1, 1)))
