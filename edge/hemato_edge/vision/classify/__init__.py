"""Naming single cells."""
