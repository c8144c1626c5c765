"""Morphological attributes: a small branch on a trained classifier's trunk, which stays as it is."""
