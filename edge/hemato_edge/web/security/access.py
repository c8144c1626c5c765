"""Who may do what: the roles, and what a line of the table of routes says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import HematoEdgeError

if TYPE_CHECKING:
    from collections.abc import Callable


class Role(IntEnum):
    """What a paired device may do; each may do what those before it may."""

    NOBODY = 0
    """Not paired: sees the pairing page."""
    VIEWER = 1
    """Sees."""
    COUNTER = 2
    """Also starts, stops, labels samples, uploads pictures."""
    REVIEWER = 3
    """Also renames cells and approves sessions."""
    KEEPER = 4
    """Also changes settings and revokes devices."""

    @property
    def word(self) -> str:
        """As it is typed and stored."""
        return self.name.lower()

    @staticmethod
    def of(word: str) -> Role:
        """The role of that name; `NOBODY` for any other word."""
        return next((role for role in Role if role.word == word and role is not Role.NOBODY), Role.NOBODY)


SMALL = 64 * 1024
"""Bytes of a request's body, unless its line says otherwise."""


@dataclass(frozen=True, slots=True)
class Page:
    """One line of the table of routes.

    Attributes:
        method: "GET" or "POST". A GET changes nothing.
        path: as Starlette writes it.
        answer: from request to response; a plain function runs in a thread, a coroutine in the loop.
        role: the least role that may ask.
        most_bytes: of the body.
        most_files: of an upload.
        rate: name of the limit that applies; see `rates.LIMITS`.
    """

    method: str
    path: str
    answer: Callable[..., Any]
    role: Role
    most_bytes: int = SMALL
    most_files: int = 0
    rate: str = ""


class WebError(HematoEdgeError):
    """The page cannot be served as it was asked to: its port is taken, or its certificate cannot be read."""

    exit_code = 15


class Refused(WebError):
    """A request that is not answered; `status` is HTTP's."""

    def __init__(self, status: int, message: str, fix: str = "") -> None:
        super().__init__(message, fix)
        self.status = status


class Missing(Refused):
    """What was asked for is not there."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(404, what, fix)
