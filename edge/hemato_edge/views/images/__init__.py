"""Pictures of fields and cells."""
