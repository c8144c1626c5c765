"""Ways out of the device: MQTT and Prometheus. Each only when it was asked for; all read the store, none writes to it."""
