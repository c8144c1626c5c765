"""The part of a report that is about red cells and platelets."""
