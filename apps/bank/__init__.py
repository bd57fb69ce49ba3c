"""A bank of two branches: money moves between them and is never made or lost."""
