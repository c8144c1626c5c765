"""Scale, stain, contrast and background of a slide."""
