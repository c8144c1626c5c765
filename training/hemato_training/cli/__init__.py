"""The workstation's commands of `hemato-edge`."""
