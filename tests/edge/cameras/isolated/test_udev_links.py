"""Names that survive a replug, on a folder as udev makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.cameras.isolated.udev_links import lasting_name


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"video{number}").touch()
    for kind, links in {"by-id": {"usb-A-index0": 0}, "by-path": {"pci-1": 0, "pci-2": 1}}.items():
        (tmp_path / "v4l" / kind).mkdir(parents=True)
        for name, number in links.items():
            (tmp_path / "v4l" / kind / name).symlink_to(f"../../video{number}")
    return tmp_path


def test_by_identity_else_by_plug_else_not(dev: Path) -> None:
    links = dev / "v4l"
    assert lasting_name(str(dev / "video0"), links) == str(links / "by-id" / "usb-A-index0")
    assert lasting_name(str(dev / "video1"), links) == str(links / "by-path" / "pci-2")
    assert lasting_name(str(dev / "video2"), links) is None


def test_a_link_stays_the_link_also_when_it_leads_nowhere(dev: Path) -> None:
    link = dev / "v4l" / "by-path" / "pci-1"
    assert lasting_name(str(link), dev / "v4l") == str(link)
    (dev / "video0").unlink()
    assert lasting_name(str(link), dev / "v4l") == str(link)


@pytest.mark.parametrize("name", ["picamera:0", "rtsp://host/stream", "/dev/video97", "gst:videotestsrc", ""])
def test_what_is_no_device_has_no_such_name(name: str, tmp_path: Path) -> None:
    assert lasting_name(name, tmp_path / "none") is None
