"""Where the pictures of key fields are kept."""

from __future__ import annotations

from typing import Protocol


class Pictures(Protocol):
    """Pictures by the number of their key field."""

    def put(self, number: int, picture: bytes) -> None:
        """Keep a picture."""
        ...

    def get(self, number: int) -> bytes | None:
        """The picture of a key field; None where it can no longer be read."""
        ...

    def forget(self, number: int) -> None:
        """Drop a picture."""
        ...


class PicturesInMemory:
    """Pictures in memory."""

    def __init__(self) -> None:
        self._kept: dict[int, bytes] = {}

    def put(self, number: int, picture: bytes) -> None:
        """See `Pictures.put`."""
        self._kept[number] = picture

    def get(self, number: int) -> bytes | None:
        """See `Pictures.get`."""
        return self._kept[number]

    def forget(self, number: int) -> None:
        """See `Pictures.forget`."""
        del self._kept[number]
