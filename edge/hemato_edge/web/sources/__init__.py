"""What screens and API show: counts on disk, the run's state, pictures, findings."""
