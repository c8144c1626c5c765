"""The interface of a field that registration needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.aperture import Aperture


class RegistrationInput(Protocol):
    """A field as registration sees it."""

    @property
    def aperture(self) -> Aperture:
        """Which part of the frame shows slide."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the aperture's rectangle, pixels."""
        ...

    def green_at(self, factor: float) -> NDArray[np.uint8]:
        """The rectangle's green channel resized by `factor`, (h, w) uint8; filled with glass off the slide."""
        ...
