"""What answers the commands that reach a run at its door."""
