"""The report of a session, in every format."""
