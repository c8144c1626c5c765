"""Noticing that a camera has failed, and bringing it back."""
