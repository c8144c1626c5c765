"""The page: a screen for a microscope that has none. It reads the store, and asks at the door for changes."""
