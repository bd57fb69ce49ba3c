"""A library: books are lent on numbered slips, come back late, and readers are reminded of them."""
