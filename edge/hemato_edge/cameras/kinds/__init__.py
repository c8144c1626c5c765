"""One module a kind of camera."""
