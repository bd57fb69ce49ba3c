"""A print shop: presses that print one job at a time."""
