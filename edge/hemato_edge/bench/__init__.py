"""How fast this device is: measures and judges; the command line draws."""
