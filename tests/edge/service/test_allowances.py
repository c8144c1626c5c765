"""The unit opens only what the configuration asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import CameraError, ConfigurationError
from hemato_edge.service.allowances import allowances, configured
from hemato_edge.service.unit import Program

NETWORK = ["PrivateNetwork=no", "RestrictAddressFamilies=AF_INET AF_INET6", "IPAddressDeny="]
LOOPBACK = [*NETWORK[:2], "IPAddressAllow=localhost"]


def lines(settings: dict[str, object], *folders: str) -> list[str]:
    """The drop-in's settings, without its comments."""
    text = allowances(settings, Program("x", tuple(map(Path, folders)))).drop_in()
    if text is None:
        return []
    return [line for line in text.splitlines() if not line.startswith(("#", "["))]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"camera.spec": "0", "counting.target": 200, "quality.min_focus": 0.2}, []),
        ({"camera.spec": "/dev/v4l/by-id/x"}, []),
        ({"camera.spec": "demo"}, []),
        ({"store.path": "/var/lib/hemato-edge/other.db"}, []),
        ({"mqtt.host": None, "metrics.port": None}, []),
        # the network
        ({"mqtt.host": "broker.example"}, NETWORK),
        ({"mqtt.host": "127.0.0.1"}, LOOPBACK),
        ({"metrics.port": 9100}, LOOPBACK),
        ({"metrics.port": 0, "metrics.host": "::1"}, LOOPBACK),
        ({"metrics.port": 9100, "metrics.host": "192.0.2.1"}, NETWORK),
        ({"metrics.port": 9100, "mqtt.host": "broker.example"}, NETWORK),
        ({"metrics.host": "192.0.2.1"}, []),  # nothing listens without a port
        ({"camera.spec": "rtsp://10.0.0.7/1"}, NETWORK),
        ({"camera.spec": "rtp://239.0.0.1:5004"}, NETWORK),
        ({"camera.spec": "udp://@:1234"}, NETWORK),
        ({"camera.spec": "http://10.0.0.7/mjpeg"}, NETWORK),
        ({"camera.spec": "gst:rtspsrc location=rtsp://x ! decodebin"}, [*NETWORK, "MemoryDenyWriteExecute=no"]),
        # code that is made
        ({"camera.spec": "gst:nvarguscamerasrc ! nvvidconv"}, ["MemoryDenyWriteExecute=no"]),
        # folders
        ({"store.path": "/mnt/stick/x.db"}, ["ReadWritePaths=/mnt/stick"]),
        ({"store.path": "/home/me/c/x.db"}, ["ProtectHome=tmpfs", "BindPaths=/home/me/c"]),
        ({"model.path": "/opt/models/x.tflite"}, []),
        ({"model.path": "/home/me/x.tflite"}, ["ProtectHome=tmpfs", "BindReadOnlyPaths=/home/me/x.tflite"]),
        ({"camera.spec": "/home/ada/fields"}, ["ProtectHome=tmpfs", "BindReadOnlyPaths=/home/ada/fields"]),
        (
            {"mqtt.host": "b", "mqtt.password_file": "/home/me/p"},
            [*NETWORK, "ProtectHome=tmpfs", "BindReadOnlyPaths=/home/me/p"],
        ),
        (
            {"store.path": "/home/me/c/x.db", "model.path": "/home/me/c/m.tflite"},
            ["ProtectHome=tmpfs", "BindPaths=/home/me/c"],
        ),
    ],
)
def test_what_is_opened(settings, expected) -> None:
    assert lines(settings) == expected


def test_a_program_in_a_home_folder_stays_readable_there() -> None:
    assert lines({}, "/home/me/hemato", "/usr") == ["ProtectHome=tmpfs", "BindReadOnlyPaths=/home/me/hemato"]
    assert lines({}, "/opt/hemato-edge", "/usr") == []


def test_each_opening_has_its_reason() -> None:
    text = allowances({"mqtt.host": "b", "camera.spec": "gst:x"}, Program()).drop_in()
    assert text is not None
    assert "# mqtt.host is set" in text
    assert "# camera.spec is a GStreamer pipeline" in text


def test_an_unknown_kind_of_camera_is_refused() -> None:
    with pytest.raises(CameraError, match="picamra"):
        allowances({"camera.spec": "picamra"}, Program())


def test_only_the_file_speaks_for_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMATO_EDGE_CAMERA__SPEC", "rtsp://mine/1")
    file = tmp_path / "config.toml"
    assert configured(file) == {}
    file.write_text("[counting]\ntarget = 200\n")
    assert configured(file) == {"counting.target": 200}
    file.write_text("[countin]\ntarget = 200\n")
    with pytest.raises(ConfigurationError, match="counting"):
        configured(file)
