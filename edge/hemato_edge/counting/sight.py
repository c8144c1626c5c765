"""A field as registration needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture


class Sight(Protocol):
    """What registration needs of a field."""

    @property
    def aperture(self) -> Aperture:
        """What of the frame is slide."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the aperture's rectangle, pixels."""
        ...

    def green_at(self, factor: float) -> NDArray[np.uint8]:
        """The rectangle's green channel resized by `factor`, (h, w) uint8; glass stands where there is no slide."""
        ...
