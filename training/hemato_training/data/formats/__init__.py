"""Readers of folders, tables and annotation files as other tools write them."""
