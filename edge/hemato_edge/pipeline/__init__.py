"""From frames to committed fields: one field, and the daemon that runs many."""
