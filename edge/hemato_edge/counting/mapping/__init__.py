"""Where on the slide each field lies."""
