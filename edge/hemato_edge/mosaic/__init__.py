"""A picture of all that was seen of a slide, put together from the frames of a session."""
