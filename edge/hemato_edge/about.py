"""What the package says of itself: its version, and the notice that stands on every output."""

__version__ = "0.2.0"

RESEARCH_USE_NOTICE = "For Research Use Only. Not for use in diagnostic procedures."
"""Stands on every output a person can read."""
