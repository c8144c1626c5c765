"""Engines that run networks: one module per runtime."""
