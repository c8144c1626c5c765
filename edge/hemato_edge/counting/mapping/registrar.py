"""Registration of a session's frames: the contract between the field analyser and whatever determines the pose.

Another method, for instance a stage encoder, is one class that implements it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hemato_edge.counting.mapping.registration_input import RegistrationInput
    from hemato_edge.counting.mapping.slide_map import Joined, Move
    from hemato_edge.values import Pose


class Registrar(Protocol):
    """Determines the pose of each frame on a moving stage. Frames come in the order in which they were taken.

    Attributes:
        lost: how often tracking was lost and a new region began.
        found_again: how often a frame that matched nothing nearby was relocalised at once.
        rejoined: how many regions were joined to another one later.
    """

    lost: int
    found_again: int
    rejoined: int

    def locate(self, field: RegistrationInput) -> Pose:
        """The pose of a frame that is counted; in a new region where it matches nothing known."""
        ...

    def follow(self, field: RegistrationInput) -> Pose | None:
        """The pose of a frame that is not counted, or None where it matches nothing nearby. It starts no region."""
        ...

    def gap(self) -> None:
        """Frames are missing before the next one; the stage may be anywhere."""
        ...

    def take_changes(self) -> tuple[list[Joined], list[Move]]:
        """Changes to the map since the last call, in the order in which they must be applied."""
        ...
