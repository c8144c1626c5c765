"""The device underneath: its files under /sys and /proc, read and put into words. Never writes."""
