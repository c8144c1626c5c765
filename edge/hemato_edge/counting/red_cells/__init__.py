"""What a session's red cells and platelets are like, from what its record counts."""
