"""The part of a report that is about the level below the classes."""
