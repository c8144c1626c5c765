"""What the bench measures, one module each."""
