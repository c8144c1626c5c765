"""What a run does when it is asked at its door, one module a subject."""
