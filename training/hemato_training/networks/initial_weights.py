"""What a network may start from, by name."""

from __future__ import annotations

IMAGENET = "imagenet"
"""The weights that Keras's own project publishes; Keras downloads them."""
NONE = "none"
"""No weights: the network learns from nothing."""
