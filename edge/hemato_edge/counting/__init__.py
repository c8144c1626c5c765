"""Each cell once: where a field lies, which cells are new, and the differential. Pure, no I/O."""
