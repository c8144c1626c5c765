"""Video that FFmpeg decodes (H.264, HEVC, MPEG-4 …), without the frames that its decoder had to make up.

A decoder that misses data fills the gap from the frame before, and builds the frames that follow on it, up to the next
one that is coded by itself. OpenCV hands all of them out as if they were whole; only FFmpeg's log tells, of MPEG-2,
MPEG-4 and H.264 nearly always, of HEVC seldom, of VP9 never.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from hemato_edge.cameras.drivers.whole_frames import WholeFrames

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from hemato_edge.values import Image

COMPLAINTS = (
    b"concealing ",
    b"error while decoding MB",
    b"Missing reference picture",
    b"Frame num gap",
    b"Could not find ref with POC",
    b"Error parsing NAL unit",
    b"The cu_qp_delta",
)
"""How the messages begin by which FFmpeg's decoders (libavcodec's error_resilience.c, h264*.c, hevc*.c) say that data
of a picture, or of one that it is built on, are missing."""
_REORDERED = 4
"""Most frames by which a decoder changes the order, as recorders use it (B-frames, three levels of them)."""
_INTRA, _UNKNOWN = ord("I"), (0, ord("?"))
_BLIND_FRAMES = 30
"""How many frames count as damaged after a complaint where OpenCV (before 4.8) does not tell which are coded by
themselves: one second of most recordings."""
_LOG_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_log = logging.getLogger(__name__)


class DecodedVideo(WholeFrames):
    """A file or stream without the frames that are damaged, or built on damaged ones; arguments as of `WholeFrames`."""

    _listener: _Listener | None = None

    def __init__(
        self, source: str, skipped: Counter[str], parameters: Sequence[int] = (), patience_s: float | None = None
    ) -> None:
        super().__init__(source, skipped, parameters, patience_s)
        self._listener = _listener()
        self._heard = 0
        self._since: int | None = None
        self._ahead = _REORDERED + max(1, int(self._capture.get(cv2.CAP_PROP_N_THREADS)))
        if self._listener is not None:
            self._heard = self._listener.start()

    def release(self) -> None:
        """Close the source."""
        super().release()  # first: its threads may still complain
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def __del__(self) -> None:
        """Release what nobody did: OpenCV's own end waits for threads that could not speak to the listener then."""
        self.release()

    def _next(self) -> tuple[bool, Image | None]:
        more, picture = self._capture.read()
        if not more or picture is None:
            return False, None
        return True, None if self._doubtful() else picture  # type: ignore[return-value]  # uint8

    def _doubtful(self) -> bool:
        """Whether the last frame may show what its decoder made up.

        Decoders work ahead, a frame a thread and some for their order: a complaint may be about a later frame.
        """
        heard = 0 if self._listener is None else self._listener.complaints
        if heard > self._heard:
            self._heard, self._since = heard, 0
            return True
        if self._since is None:
            return False
        self._since += 1
        kind = int(self._capture.get(cv2.CAP_PROP_FRAME_TYPE))
        enough = self._since > _BLIND_FRAMES if kind in _UNKNOWN else kind == _INTRA and self._since >= self._ahead
        if enough:
            self._since = None
        return not enough


class _Listener:
    """Counts FFmpeg's complaints while a video is open. Its callback must not outlive Python: then it would hang."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.complaints = 0
        self._library = library
        self._callback = _LOG_CALLBACK(self._said)
        self._open = 0
        self._lock = threading.Lock()
        atexit.register(self._let_go)

    def start(self) -> int:
        """Listen for one more video; returns the complaints so far."""
        with self._lock:
            self._open += 1
            self._library.av_log_set_callback(self._callback)
            return self.complaints

    def stop(self) -> None:
        """A video is closed; after the last one FFmpeg's own log is back."""
        with self._lock:
            self._open -= 1
            if self._open == 0:
                self._let_go()

    def _let_go(self) -> None:
        self._library.av_log_set_callback(self._library.av_log_default_callback)

    def _said(self, _: object, __: int, text: bytes | None, ___: object) -> None:
        if text is not None and text.startswith(COMPLAINTS):
            self.complaints += 1


@cache
def _listener() -> _Listener | None:
    """For the FFmpeg that OpenCV has loaded (with the first video); None, said once, where it cannot be reached."""
    try:
        loaded = {
            line.split()[-1] for line in Path("/proc/self/maps").read_text("utf-8").splitlines() if "avutil" in line
        }
        library = ctypes.CDLL(next(iter(loaded)))
        return _Listener(library)
    except (OSError, StopIteration, AttributeError) as error:
        _log.info("damage within a video is not noticed: FFmpeg's log cannot be read (%r)", error)
        return None
