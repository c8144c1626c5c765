"""Quality over time, in every format."""
