"""Command line: one module a command group, typer, lazy imports."""
