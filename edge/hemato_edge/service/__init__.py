"""hemato-edge as a systemd service: unit, installation, state, and spacing of its restarts."""
