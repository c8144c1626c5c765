"""The database: schema, the one writer, readers."""
