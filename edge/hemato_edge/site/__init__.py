"""A microscope's own figures: how right the program is behind it, and a head of its own."""
