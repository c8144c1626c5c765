"""The key fields of a session: a sparse, bounded map for relocalisation.

Each is stored as a small compressed picture of 10 to 20 kB and the phases of a thumbnail's spectrum, 5 kB. Where
places are searched, an index over their cells names the likely ones, and the thumbnails' phase correlation ranks them;
those that correlate at half that size, at one of its peaks, are then compared in full.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.counting.mapping.correlation import (
    View,
    agreement_at,
    correlation_surface,
    damping,
    likely_shifts,
    shift_between,
    spectrum_of,
)
from hemato_edge.counting.mapping.pictures import PicturesInMemory
from hemato_edge.counting.mapping.place_index import PlaceIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hemato_edge.counting.mapping.correlation import Shift
    from hemato_edge.counting.mapping.pictures import Pictures

MAX_KEY_FIELDS = 2048
"""Maximum number of key fields, 10 MB and 20 to 40 MB of pictures; beyond it the least recently used is dropped."""
THUMBNAIL_WIDTH_PX = 80
"""Key fields are searched at this width: a red cell is still several pixels wide. Measured on 283 real fields: for a
view that shares half of its area with its key field, that field is among the best six of 280 in 94 of 100 cases."""
LIKELY = 16
"""Number of key fields that the index chooses, for their thumbnails to be correlated. It is asked where there are more
than twice as many: measured on the server of `docs/results/speed.md`, it costs as much as 12 to 20 correlations."""
CANDIDATES = 6
"""Maximum number of search results that are compared in full."""
LEAST_ALIKE = 0.45
"""Minimum correlation coefficient of a candidate at half a thumbnail's size. Measured on 260 real fields of four
laboratories: of 690 views that share 35 to 80 % with a candidate and match it in full, three are below; of candidates
that show another place, 70 in 100 are."""
_CONTRAST_SPAN = 0.6
_JPEG_QUALITY = 85
_CACHED = 8
"""Views that are kept as they were seen, 0.6 MB each. One that is read from its picture again is another by a little:
with four, 500 frames of the demo had 563 red cells instead of 561."""
_NO_SPECTRUM = np.zeros((0, 0), np.complex64)


@dataclass(slots=True)
class KeyField:
    """One place of the map.

    Attributes:
        number: unique in the session.
        region, x, y: its upper left corner, pixels of the frame.
        phases: (h, w // 2 + 1) uint8, phases of its thumbnail's spectrum, 256 to a full turn.
        glance: (h, w) uint8, the thumbnail at half its size.
        shape: (h, w) of the view's grey picture.
        scale: see `View.scale`.
        seen: step of the session in which it was last used.
        angle: rotation of the frame on the slide, degrees, before any significance threshold.
        turned_deg: by how much its picture was rotated back already.
        slide: where the picture shows slide, see `View.slide`; shared by the views of a session.
        links: key field number → its measured displacement from this one, (x, y) pixels of the frame.
        turns: key field number → its measured angle relative to this one, degrees.
    """

    number: int
    region: int
    x: float
    y: float
    phases: NDArray[np.uint8]
    glance: NDArray[np.uint8]
    shape: tuple[int, int]
    scale: float
    seen: int = 0
    angle: float = 0.0
    turned_deg: float = 0.0
    slide: NDArray[np.bool_] | None = None
    links: dict[int, tuple[float, float]] = field(default_factory=dict)
    turns: dict[int, float] = field(default_factory=dict)


class KeyFields:
    """All key fields of one session.

    Args:
        most: maximum number that is kept.
        pictures: where the JPEGs of the views' grey pictures are kept; None: in memory.
    """

    def __init__(self, most: int = MAX_KEY_FIELDS, pictures: Pictures | None = None) -> None:
        self._most = most
        self._pictures: Pictures = PicturesInMemory() if pictures is None else pictures
        self._kept: dict[int, KeyField] = {}
        self._views: dict[int, View] = {}
        self._index = PlaceIndex()
        self._next = 0
        self._step = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, view: View, region: int, x: float, y: float, angle: float = 0.0) -> KeyField:
        """Add a view at (x, y) of a region, rotated by `angle` degrees; drops the least recently used when full."""
        thumbnail = _thumbnail(view)
        key = KeyField(
            self._next,
            region,
            x,
            y,
            phases=_phases(thumbnail.spectrum),
            glance=_levels(_halved(thumbnail.grey)),
            shape=(view.grey.shape[0], view.grey.shape[1]),
            scale=view.scale,
        )
        key.angle, key.turned_deg, key.slide = angle, view.turned_deg, view.slide
        self._next += 1
        self._kept[key.number] = key
        self._pictures.put(key.number, _packed(view.grey))
        self._index.add(key.number, thumbnail.grey, view.slide)
        self._cache(key.number, view)
        self.use(key)
        if len(self._kept) > self._most:
            self._forget(min(self._kept.values(), key=lambda one: one.seen))
        return key

    def use(self, key: KeyField) -> None:
        """Mark a key field as just used."""
        self._step += 1
        key.seen = self._step

    def of_region(self, region: int) -> list[KeyField]:
        """The key fields of one region, oldest first."""
        return [key for key in self._kept.values() if key.region == region]

    def near(self, region: int, here: NDArray[np.float64], reach: tuple[float, float]) -> list[KeyField]:
        """Key fields of a region whose corner lies within `reach` pixels (x, y) of `here`, the nearest first."""
        x, y = here.tolist()
        found = [
            key
            for key in self._kept.values()
            if key.region == region and abs(key.x - x) < reach[0] and abs(key.y - y) < reach[1]
        ]
        return sorted(found, key=lambda key: (key.x - x) ** 2 + (key.y - y) ** 2)

    def others(self, region: int) -> list[KeyField]:
        """The key fields of all other regions."""
        return [key for key in self._kept.values() if key.region != region]

    def linked(self, key: KeyField) -> list[tuple[KeyField, tuple[float, float]]]:
        """The neighbours of a key field that are still kept, each with its measured displacement."""
        return [(self._kept[n], shift) for n, shift in key.links.items() if n in self._kept]

    def compare(self, key: KeyField, view: View) -> Shift | None:
        """Displacement of `view` from a key field, pixels of `view.grey`; None where the pictures differ in size."""
        if key.shape != view.grey.shape:
            return None
        return shift_between(self.view(key), view)

    def view(self, key: KeyField) -> View:
        """The view that a key field was made from."""
        cached = self._views.get(key.number)
        if cached is None:
            picture = self._pictures.get(key.number)
            cached = _seen_again(key, np.zeros(key.shape, np.float32) if picture is None else _unpacked(picture))
            self._cache(key.number, cached)
        return cached

    def search(self, view: View, keys: Iterable[KeyField], most: int = CANDIDATES) -> list[KeyField]:
        """Up to `most` of `keys` that may show the same place as `view`, best match first."""
        small = _thumbnail(view)
        shape = small.grey.shape
        numbers = [key.number for key in keys if key.shape == view.grey.shape]
        if len(numbers) > 2 * LIKELY:
            numbers = self._index.likeliest(small.grey, view.slide, numbers, LIKELY)
        # stored phases are not damped
        conjugate = np.asarray(np.conj(small.spectrum) * damping(*shape), np.complex64)
        surfaces = (
            (key, correlation_surface(_unit(key.phases), conjugate, shape))
            for key in map(self._kept.__getitem__, numbers)
        )
        alike = heapq.nlargest(most, ((float(one.max()), -key.number, key, one) for key, one in surfaces))
        if view.slide is not None:  # masked pixels would correlate with each other
            return [key for *_, key, _ in alike]
        glance = _halved(small.grey)
        agreeing = [(_agreement(key, glance, surface), key) for *_, key, surface in alike]
        agreeing.sort(key=lambda one: -one[0])
        return [key for agreement, key in agreeing if agreement >= LEAST_ALIKE]

    def _cache(self, number: int, view: View) -> None:
        self._views[number] = view
        while len(self._views) > _CACHED:
            del self._views[next(iter(self._views))]

    def _forget(self, key: KeyField) -> None:
        del self._kept[key.number]
        self._views.pop(key.number, None)
        self._index.forget(key.number)
        self._pictures.forget(key.number)


def _seen_again(key: KeyField, grey: NDArray[np.float32]) -> View:
    if key.slide is not None:
        grey = np.where(key.slide, grey, np.float32(0))
    return View(grey, spectrum_of(grey), key.scale, key.turned_deg, key.slide)


def _levels(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels = cv2.addWeighted(grey, 127.5 / _CONTRAST_SPAN, grey, 0.0, 127.5, dtype=cv2.CV_8U)
    return np.asarray(levels, np.uint8)


def _contrast(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray((levels.astype(np.float32) / 127.5 - 1) * _CONTRAST_SPAN, np.float32)


def _packed(grey: NDArray[np.float32]) -> bytes:
    return bytes(cv2.imencode(".jpg", _levels(grey), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])


def _unpacked(picture: bytes) -> NDArray[np.float32]:
    return _contrast(np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8))


def _halved(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    size = max(1, grey.shape[1] // 2), max(1, grey.shape[0] // 2)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def _agreement(key: KeyField, glance: NDArray[np.float32], surface: NDArray[np.float32]) -> float:
    """Best correlation coefficient of two glances at the peaks of the phase correlation of their thumbnails."""
    there, here = (View(one, _NO_SPECTRUM, 1.0) for one in (_contrast(key.glance), glance))
    return max(
        (agreement_at(there, here, dx / 2, dy / 2, at_a_glance=False)[0] for dx, dy in likely_shifts(surface)),
        default=0.0,
    )


def _thumbnail(view: View) -> View:
    """A view shrunk to `THUMBNAIL_WIDTH_PX`."""
    height, width = view.grey.shape
    across = min(THUMBNAIL_WIDTH_PX, width)
    size = (across, max(1, round(height * across / width)))
    small = np.asarray(cv2.resize(view.grey, size, interpolation=cv2.INTER_AREA), np.float32)
    return View(small, spectrum_of(small), view.scale * width / across)


def _phases(spectrum: NDArray[np.complex64]) -> NDArray[np.uint8]:
    """The phases of a spectrum, 256 to a full turn."""
    turns = np.angle(spectrum) / (2 * np.pi)
    return np.asarray(np.rint(turns * 256).astype(np.int16) & 255, np.uint8)


@lru_cache(maxsize=1)
def _circle() -> NDArray[np.complex64]:
    circle: NDArray[np.complex64] = np.exp(2j * np.pi * np.arange(256) / 256).astype(np.complex64)
    return circle


def _unit(phases: NDArray[np.uint8]) -> NDArray[np.complex64]:
    return _circle()[phases]
