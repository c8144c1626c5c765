"""Where a model looks, and whether its maps can be trusted."""
