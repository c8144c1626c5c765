"""A run: threads from camera to disk, its state, and who watches it."""
