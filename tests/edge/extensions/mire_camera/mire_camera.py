"""A made-up kind of camera, `mire:PATH`: grey noise over the network, which notes the process that reads it."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from hemato_edge.cameras.camera import EndOfFrames, Noise
from hemato_edge.cameras.kind import CameraKind, CameraOptions, DeviceNodes, Needs
from hemato_edge.values import Frame


class MireCamera:
    name = "mire"
    live = True
    noise = Noise.SENSOR
    total_frames = None

    def __init__(self, note: Path) -> None:
        self.skipped: Counter[str] = Counter()
        self._note = note
        self._index = 0

    def open(self) -> None:
        self._note.write_text(f"{os.getpid()}")

    def read(self, timeout_s: float) -> Frame:
        if self._index == 50:
            raise EndOfFrames
        image = np.random.default_rng(self._index).integers(0, 256, (480, 640, 3), np.uint8)
        self._index += 1
        return Frame(image, self._index - 1, time.monotonic(), datetime.now(timezone.utc), self.name)

    def close(self) -> None:
        pass


def make(spec: str, options: CameraOptions) -> MireCamera:
    return MireCamera(Path(spec.removeprefix("mire:")))


KIND = CameraKind(
    name="mire",
    examples=("mire:PATH",),
    help="grey noise",
    make=make,
    devices=(DeviceNodes("/dev/bus/usb/*/*", "char-usb_device"),),
    needs=Needs(network=True),
)
