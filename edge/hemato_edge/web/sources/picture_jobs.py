"""Pictures from outside, judged by a program of their own: one at a time, bounded in memory and time, then gone.

The page itself loads neither decoder nor model, so that a picture that kills a decoder kills only that child.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import imagesize

from hemato_edge.cameras.heic import is_heic
from hemato_edge.device.machine import Machine
from hemato_edge.device.memory import read_memory
from hemato_edge.web.security.access import Missing, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CELL, FIELD = "cell", "field"
FIELD_FROM_PX = 400
"""A picture with a longer side is proposed to be a whole field: single cells of atlases and data sets are smaller."""
MOST_FILES = 20
MOST_WAITING = 10
LONGEST_S = 120.0
MOST_MEMORY_KB = 3_000_000
"""Of address space, of which LiteRT and OpenCV reserve more than they use."""
LEAST_FREE = 150_000_000
"""Bytes of memory that a child needs beside the rest."""
_KINDS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)
_RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as it came.

    Attributes:
        name: what the sender called it; shown, never a path.
        content: its bytes.
    """

    name: str
    content: bytes


class PictureJobs:
    """Keeps uploads in a folder for a while, and lets a child judge them. Safe in any thread.

    Args:
        folder: where they are kept; ours alone.
        keep_s: for how long, seconds.
        megapixels: of the largest picture.
    """

    def __init__(self, folder: Path, keep_s: float, megapixels: float) -> None:
        self._folder = folder
        self._keep_s = keep_s
        self._most_pixels = megapixels * 1e6
        self._turn = threading.Lock()
        self._waiting = 0
        self._counting = threading.Lock()

    def judge(self, kind: str, uploads: Sequence[Upload]) -> str:
        """Judge pictures as `CELL` or `FIELD`; the name under which the result is found.

        Raises:
            Refused: no picture, too many, too large, of another format; memory is short, or too many wait.
        """
        self.forget_old()
        if not uploads:
            raise Refused(400, "No picture came.", "Choose up to 20 files, or take a photo.")
        if len(uploads) > MOST_FILES:
            raise Refused(413, f"There are {len(uploads)} pictures; {MOST_FILES} are taken at a time.")
        suffixes = [self._suffix_of(upload) for upload in uploads]
        name = secrets.token_urlsafe(12)
        place = self._folder / name
        with self._admitted():
            place.mkdir(mode=0o700, parents=True)
            try:
                files = [place / f"{i}{suffix}" for i, suffix in enumerate(suffixes)]
                for file, upload in zip(files, uploads, strict=True):
                    file.write_bytes(upload.content)
                self._check_sizes(files)
                started = time.monotonic()
                with self._turn:
                    answers = _asked(kind, place, files)
                pictures = [{"name": one.name, "answer": answer} for one, answer in zip(uploads, answers, strict=True)]
                result = {"kind": kind, "seconds": time.monotonic() - started, "pictures": pictures}
                (place / _RESULT).write_text(json.dumps(result), encoding="utf-8")
            except BaseException:  # whatever it was: nothing of a picture is left behind, and it is raised again
                shutil.rmtree(place, ignore_errors=True)
                raise
        return name

    def result(self, name: str) -> dict[str, Any]:
        """What was found.

        Raises:
            Missing: there is no such result, or it was removed.
        """
        try:
            found: dict[str, Any] = json.loads((self._place(name) / _RESULT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise Missing("There is no such result.", "Pictures are kept for an hour; send it again.") from None
        return found

    def marked(self, name: str, number: int) -> Path:
        """The picture `number` with what was found drawn in.

        Raises:
            Missing: there is none.
        """
        found = sorted((self._place(name) / "marked").glob(f"{number}.*"))
        if not found:
            raise Missing("There is no such picture.")
        return found[0]

    def forget_old(self) -> None:
        """Remove what has been kept for long enough."""
        if not self._folder.is_dir():
            return
        for place in self._folder.iterdir():
            if place.is_dir() and time.time() - place.stat().st_mtime > self._keep_s:
                shutil.rmtree(place, ignore_errors=True)

    def _place(self, name: str) -> Path:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise Missing("There is no such result.")
        return self._folder / name

    def _suffix_of(self, upload: Upload) -> str:
        """The ending that fits a file's first bytes, whatever it is called."""
        for magic, suffix in _KINDS:
            if upload.content.startswith(magic):
                return suffix
        if is_heic(upload.content[:12]):
            raise Refused(415, f"{upload.name[:80]} is a HEIC picture.", "Save it as JPEG.")
        raise Refused(415, f"{upload.name[:80]} is no JPEG, PNG, TIFF or BMP picture.", "Save it as JPEG or PNG.")

    def _check_sizes(self, files: Sequence[Path]) -> None:
        """Refuse by the header, before anything is decoded."""
        for file in files:
            try:
                width, height = imagesize.get(file)
            except (ValueError, OSError, IndexError, OverflowError):
                width = height = -1
            if width < 1 or height < 1:
                raise Refused(415, "A picture's header cannot be read: it is damaged.", "Save it anew.")
            if width * height > self._most_pixels:
                raise Refused(
                    413,
                    f"A picture has {width * height / 1e6:.0f} megapixels; the most is {self._most_pixels / 1e6:.0f}.",
                    "Send a smaller copy (web.upload_megapixels).",
                )

    def _admitted(self) -> _Admitted:
        with self._counting:
            if self._waiting >= MOST_WAITING:
                raise Refused(503, "Ten pictures wait already.", "Try again in a minute.")
            available = read_memory(Machine()).available
            if available is not None and available < LEAST_FREE:
                raise Refused(503, "Memory is too short to judge a picture now.", "Finish the session first.")
            self._waiting += 1
        return _Admitted(self)

    def left(self) -> None:
        """One that was admitted is through."""
        with self._counting:
            self._waiting -= 1


@dataclass(frozen=True, slots=True)
class _Admitted:
    judge: PictureJobs

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.judge.left()


def _asked(kind: str, place: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What the command line answers, file by file, in their order."""
    verb, option = ("analyze", "--annotate") if kind == FIELD else ("classify", "--explain")
    program = [sys.executable, "-m", "hemato_edge.cli.main", "-q", verb, "--jsonl", "--each", option, "marked"]
    names = [file.name for file in files]
    # The shell sets the limits: a function between fork and exec is not safe beside threads.
    limited = ["/bin/sh", "-c", f'ulimit -v {MOST_MEMORY_KB}; exec "$@"', "sh", *program, *names]
    try:
        done = subprocess.run(  # noqa: S603 - our own program and names of our own
            limited, cwd=place, capture_output=True, text=True, timeout=LONGEST_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise Refused(503, f"The picture took longer than {LONGEST_S:.0f} s.", "Send a smaller one.") from None
    found = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        found[answer["path"]] = answer
    if not found:
        said = done.stderr.strip().splitlines()
        reason = said[-1].removeprefix("error: ") if said else "The program that judges it ended early."
        raise Refused(422, reason.replace(str(place), ""), "Send another picture.")
    return [found.get(file.name, {"path": file.name, "error": "It could not be read."}) for file in files]
