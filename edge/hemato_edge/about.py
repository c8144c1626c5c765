"""Version of the package, and the notice on every output."""

__version__ = "0.2.0"

RESEARCH_USE_NOTICE = "For Research Use Only. Not for use in diagnostic procedures."
"""Shown on every human-readable output."""
