"""What was seen of a run, and what can be counted and measured of it."""
