"""Counts over MQTT, with an outbox."""
