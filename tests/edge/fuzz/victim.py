"""Reads files that may crash or hang a native decoder, in a process of its own.

`python victim.py` takes lines "KIND PATH" and answers each with one line: "good …", "refused …" or "broke …".
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from pathlib import Path

MOST_FRAMES = 40


def read_one(kind: str, path: Path) -> str:
    """What a reader of the program makes of a file."""
    from hemato_edge.errors import HematoEdgeError

    try:
        return f"good {_READERS[kind](path)}"
    except HematoEdgeError as error:
        whole = error.message and error.fix and "\n" not in str(error)
        return f"refused {error}" if whole else f"broke {error!r}"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is what is looked for
        return "broke " + " ".join(f"{type(error).__name__}: {error}".split())


def _picture(path: Path) -> object:
    from hemato_edge.cameras.picture_files import read_picture

    return read_picture(path).shape


def _video(path: Path) -> object:
    from hemato_edge.cameras.camera import EndOfFrames
    from hemato_edge.cameras.drivers.opencv import VideoFile

    camera = VideoFile(path)
    camera.open()
    shapes = []
    with contextlib.suppress(EndOfFrames):
        for _ in range(MOST_FRAMES):
            shapes.append(camera.read(5.0).image.shape)
    camera.close()
    assert len(set(shapes)) == 1, f"frames of {set(shapes)}"
    return len(shapes)


_READERS = {"picture": _picture, "video": _video}


class Victim:
    """A process that reads files one by one; a new one takes the place of one that died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, kind: str, path: Path, limit_s: float) -> str:
        """Its answer; "died with N" or "hung" if it has none."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{kind} {path}\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], limit_s)[0]:
            self.stop()
            return "hung"
        answer = process.stdout.readline().strip()
        if not answer:
            code = process.wait()
            self._process = None
            return f"died with {code}"
        return answer

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"OPENCV_IO_MAX_IMAGE_PIXELS": "64000000", "OPENCV_LOG_LEVEL": "OFF"},
        )
        return self._process


if __name__ == "__main__":
    for line in sys.stdin:
        asked, _, place = line.rstrip("\n").partition(" ")
        print(read_one(asked, Path(place)), flush=True)
