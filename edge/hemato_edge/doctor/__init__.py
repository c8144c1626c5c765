"""Looks for what is wrong with a device, and says what mends it. Offline, in seconds, and changes nothing."""
