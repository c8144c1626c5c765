"""Detecting that a camera has failed, and recovering it."""
