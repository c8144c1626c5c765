"""Evaluating trained models."""
