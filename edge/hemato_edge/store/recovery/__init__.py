"""Checking, verifying, repairing and salvaging a database."""
