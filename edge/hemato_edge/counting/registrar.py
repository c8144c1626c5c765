"""What registers the frames of a session: the contract between the field analyser and what tells it where a frame lies.

Another way of registration, an encoder on the stage for instance, is one class that keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hemato_edge.counting.sight import Sight
    from hemato_edge.counting.slide_map import Joined, Move
    from hemato_edge.values import Pose


class Registrar(Protocol):
    """Gives each frame of a moving stage its pose. Frames come in the order in which they were taken.

    Attributes:
        lost: how often tracking was lost and a new region began.
        found_again: how often a frame that fitted nothing nearby was recognised as known ground at once.
        rejoined: how many regions were joined to known ground later.
    """

    lost: int
    found_again: int
    rejoined: int

    def locate(self, sight: Sight) -> Pose:
        """The pose of a frame that is counted; of a new region where it fits nothing known."""
        ...

    def follow(self, sight: Sight) -> Pose | None:
        """The pose of a frame that is not counted, or None where it fits nothing nearby. It starts no region."""
        ...

    def gap(self) -> None:
        """Frames were missing before the next one, and the stage may be anywhere."""
        ...

    def take_changes(self) -> tuple[list[Joined], list[Move]]:
        """What has changed on the map since the last call, in the order in which it has to be applied."""
        ...
