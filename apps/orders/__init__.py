"""Orders that wait until they are paid for and packed."""
