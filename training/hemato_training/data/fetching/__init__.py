"""Public data sets from their homes."""
