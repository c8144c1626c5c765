"""What is told where each frame lies and how the map of the slide changes, beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hemato_edge.counting.mapping.slide_map import Joined, Move
    from hemato_edge.values import Cell, Pose
    from hemato_edge.vision.field_view import FieldView


class MapFollower(Protocol):
    """Called by the field analyser, in the counting thread, for each frame that was not rejected."""

    def corrected(self, joined: Iterable[Joined], moves: Iterable[Move]) -> None:
        """The map was corrected. Called before `saw`; the corrections hold for all places told so far."""
        ...

    def saw(self, view: FieldView, pose: Pose, focus: float) -> None:
        """A frame was registered.

        Args:
            view: the frame; its picture must not be kept, since its memory may be reused.
            pose: where it lies.
            focus: the gate's measure; larger is sharper.
        """
        ...

    def named(self, cells: Iterable[Cell], pose: Pose) -> None:
        """These cells were counted; their places are in the region of `pose`."""
        ...
