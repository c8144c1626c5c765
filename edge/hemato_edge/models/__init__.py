"""Model bundles and the runtime that executes them."""
