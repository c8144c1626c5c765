"""Settings that may be changed from another device: none is a path, a camera, a host or a program."""

from __future__ import annotations

from hemato_edge.settings import known_keys
from hemato_edge.settings.harmless import CHANGEABLE, HARMLESS, PROFILE


def test_none_is_a_path_a_camera_a_host_or_a_program() -> None:
    assert set(HARMLESS) <= set(known_keys())
    for key in HARMLESS:
        assert key.split(".")[0] not in (
            "camera",
            "model",
            "locator",
            "store",
            "mqtt",
            "metrics",
            "door",
            "calibration",
        )
        assert key.split(".")[1] not in ("path", "folder", "host", "port", "logo", "security", "names")
    assert CHANGEABLE - set(HARMLESS) == {PROFILE}, "a name within calibration.folder"
