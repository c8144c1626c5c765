"""Analysing archives again: thousands of stored pictures and videos, or all recorded sessions, under one model."""
