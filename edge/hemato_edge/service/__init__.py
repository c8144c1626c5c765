"""hemato-edge as a systemd service: the unit, its installation, its state, and the spacing of its starts."""
