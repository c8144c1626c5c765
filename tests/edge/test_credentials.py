"""Passwords of camera addresses stand nowhere: not in errors, logs, settings, names or records."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from hemato_edge.cameras.factory import make_guarded_camera
from hemato_edge.cameras.registry import with_its_credentials
from hemato_edge.credentials import with_credentials, without_secrets
from hemato_edge.errors import CameraError
from hemato_edge.journal import rewriting
from hemato_edge.settings import resolve
from hemato_edge.settings.model import CameraSettings

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t"  # noqa: S105 - the word that must not be found
WITH_SECRETS = [
    f"rtsp://admin:{SECRET}@10.0.0.7:554/stream1",
    f"rtsp://admin:{SECRET}@@cam.local/stream",  # an @ in the password that was not escaped
    f"rtsp://admin:p@{SECRET}@cam.local/stream",
    f"http://cam.local/video?user=admin&password={SECRET}&channel=1",
    f"http://cam.local/video?token={SECRET}",
    f"gst:rtspsrc location=rtsp://cam/x user-id=admin user-pw={SECRET} ! decodebin",
    f'gst:rtspsrc location=rtsp://cam/x user-pw="{SECRET} with spaces" ! decodebin',
    f"could not open RTSP://Admin:{SECRET}@cam: refused",
]
PLAIN = ["0", "/dev/video0", "picamera:1", "demo", "rtsp://cam.local/stream", "mail a@b.example", "a = b", "x=1"]


@pytest.mark.parametrize("text", WITH_SECRETS)
def test_nothing_of_a_secret_is_left(text: str) -> None:
    assert SECRET not in without_secrets(text)
    assert SECRET not in str(CameraError(f"There is no {text}.", f"Try {text}."))


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("text", WITH_SECRETS)
def test_the_log_has_none(text: str) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(rewriting(without_secrets))
    log = logging.Logger("test")
    log.addHandler(handler)
    log.warning("the camera %s is gone after %d s", text, 3)
    assert SECRET not in out.getvalue()
    assert "after 3 s" in out.getvalue()


def test_settings_use_it_and_do_not_show_it() -> None:
    resolved = resolve(None, {"camera.spec": WITH_SECRETS[0]})
    assert resolved.settings.camera.spec == WITH_SECRETS[0]
    assert SECRET not in str(resolved.values())


def test_a_watched_camera_is_not_called_by_it() -> None:
    camera = make_guarded_camera(WITH_SECRETS[0], CameraSettings())
    assert SECRET not in camera.name
    assert "10.0.0.7" in camera.name


def test_credentials_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "camera"
    file.write_text("ad/min:p@ss:word\nsecond line\n")
    assert with_credentials("rtsp://cam/x", file) == "rtsp://ad%2Fmin:p%40ss%3Aword@cam/x"
    assert with_credentials("0", None) == "0"


@pytest.mark.parametrize(("address", "line"), [("0", "a:b"), ("rtsp://a:b@cam/x", "c:d"), ("rtsp://cam/x", "nothing")])
def test_credentials_that_have_no_place_are_refused(address: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "camera"
    file.write_text(f"{line}\n")
    with pytest.raises(CameraError, match="credentials"):
        with_its_credentials(address, CameraSettings(credentials_file=file))


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="No such file"):
        with_its_credentials("rtsp://cam/x", CameraSettings(credentials_file=tmp_path / "none"))
