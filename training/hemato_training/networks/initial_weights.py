"""Names of initial weights."""

from __future__ import annotations

IMAGENET = "imagenet"
"""Weights published by the Keras project; Keras downloads them."""
NONE = "none"
"""No weights: training from scratch."""
