"""Commands that look after this device, its models and its services."""
