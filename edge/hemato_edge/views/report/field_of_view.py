"""How much of a frame was slide, and what hid the rest, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDES = {
    "bars": "bars",
    "round": "the round rim of an eyepiece",
    "shape": "a dark rim",
    "stripe": "a stripe",
    "overlay": "what does not move with the slide",
    "marks": "marks in the picture",
    "file": "the mask that was given",
    "crop": "the crop that was set",
}
"""What leaves a part of a frame out → in words."""
UNTOLD = {
    "dark": "hardly any light",
    "soft": "its rim is as soft as uneven light",
    "round": "no circle was found",
    "size": "the mask that was given is of another size",
}
"""Why the field of view is not known → in words."""


def field_of_view_line(tallies: Mapping[str, int]) -> str:
    """What of a frame is slide, from the tallies of a session; empty where all of it is."""
    hides = [words for kind, words in HIDES.items() if f"mask:{kind}" in tallies]
    untold = [words for reason, words in UNTOLD.items() if f"mask_untold:{reason}" in tallies]
    parts = []
    if hides:
        share = tallies.get("mask:slide_permille", 1000) / 10
        parts.append(f"{share:.0f} % of a frame is slide; left out: {', '.join(hides)}.")
    if "mask:profile" in tallies:
        parts.append("The mask is the calibration profile's.")
    if "mask:profile_left" in tallies:
        parts.append("The frames contradict the mask of the calibration profile; it was made anew.")
    if untold:
        parts.append(f"The field of view cannot be told: {untold[0]}.")
    return " ".join(parts)
