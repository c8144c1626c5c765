"""Reading, checking, splitting and downloading data sets."""
