"""The database file: opening, schema, lock, migration, backup, room."""
