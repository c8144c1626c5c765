"""hemato-edge: a white-cell differential on the device. For Research Use Only."""

__version__ = "0.1.0"

RESEARCH_USE_NOTICE = "For Research Use Only. Not for use in diagnostic procedures."
"""Stands on every output a person can read."""
