"""The door: one Unix socket through which commands and pictures pass between a running count and who looks on."""
