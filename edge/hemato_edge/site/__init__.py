"""Accuracy measured on a site's own microscope, and a classifier head adapted to it."""
