"""Model bundles and the runtimes that execute them."""
