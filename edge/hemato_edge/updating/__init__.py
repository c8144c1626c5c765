"""Updates without a network: one signed file, tried before it is used, and taken back in one step."""
