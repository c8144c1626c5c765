"""Hardware state of the device, from /sys and /proc. Read-only."""
