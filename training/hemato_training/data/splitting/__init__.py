"""Checks of a data set, and its split without leakage."""
