"""Red cells one by one: which stand free, how large they are, how pale in the middle; and what platelets look like."""
