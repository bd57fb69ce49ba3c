"""The search over seeds: many of them, and the fewest strikes that make one fail."""
