"""Commands that hand results to other systems, or take orders from them."""
