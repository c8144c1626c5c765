"""Outputs to other machines: MQTT and Prometheus. Each is off by default; none writes to the store."""
