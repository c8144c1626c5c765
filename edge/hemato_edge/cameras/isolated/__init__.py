"""Reading a camera in its own process."""
