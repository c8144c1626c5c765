"""Counting by hand, and learning to name cells."""
