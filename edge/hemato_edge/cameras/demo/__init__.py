"""The demo camera: a drawn slide with known truth."""
