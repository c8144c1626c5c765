"""What a microscope is like: micrometres a pixel, uneven light, locked exposure; kept as a profile per objective."""
