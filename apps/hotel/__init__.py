"""Travel reservation: a flight and a hotel room together or not at all, then an order for them."""
