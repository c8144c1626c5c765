"""Drawn slides and fields, drawn once in a process: most tests look at the same few, and each costs half a second."""

from __future__ import annotations

from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING

from hemato_edge.cameras.demo import camera, slide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.values import Image

_MOST_SLIDES, _MOST_FIELDS = 4, 128
"""Up to 34 MB and 1 MB each."""


class SharedSlide(slide.DrawnSlide):
    """A drawn slide under several cameras, which may read in threads of their own."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._lock = RLock()

    def view(self, x_px: float, y_px: float, size_px: tuple[int, int] = (640, 480)) -> Image:
        with self._lock:
            return super().view(x_px, y_px, size_px)


def share_drawings() -> None:
    """Let `DemoCamera(seed)` and `draw_field` give what is drawn already; `DrawnSlide` itself draws anew."""
    drawn = lru_cache(_MOST_FIELDS)(slide.draw_field)

    def field(seed: int, white_cells: int | Sequence[str] = 4) -> tuple[Image, list[slide.SlideObject]]:
        image, truth = drawn(seed, white_cells if isinstance(white_cells, int) else tuple(white_cells))
        return image.copy(), list(truth)

    slide.draw_field = field
    camera.DrawnSlide = lru_cache(_MOST_SLIDES)(SharedSlide)  # type: ignore[misc, assignment]
