"""A field as registration needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hemato_edge.aperture import Aperture
    from hemato_edge.values import Image


class Sight(Protocol):
    """What registration needs of a field."""

    @property
    def aperture(self) -> Aperture:
        """What of the frame is slide."""
        ...

    @property
    def picture(self) -> Image:
        """(h, w, 3) uint8 BGR, the aperture's rectangle; glass stands where there is no slide."""
        ...
