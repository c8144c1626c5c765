"""Commands that fit the program to a microscope."""
