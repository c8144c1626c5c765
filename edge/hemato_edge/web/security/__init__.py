"""Who may see and do what: pairing, devices, the guard of every request, TLS."""
