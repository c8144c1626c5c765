"""Ways out of the device: MQTT and Prometheus. Each only when asked for; none writes to the store."""
