"""One module per kind of camera: its `KIND` defines it; importing it loads nothing heavy."""
