"""Count each cell once: field registration, cell matching and the differential. Pure, no I/O."""
