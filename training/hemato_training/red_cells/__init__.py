"""Training the head for red-cell shapes."""
