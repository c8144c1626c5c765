"""Commands that count: a running camera, and pictures from files."""
