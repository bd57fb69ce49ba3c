"""What clients ask, and when."""
