"""Classifying single cells."""
