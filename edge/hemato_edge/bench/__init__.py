"""Benchmark of this device: measures and judges; the command line displays."""
