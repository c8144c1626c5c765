"""Reading a camera in a process of its own."""
