"""One service that counts: the smallest application there is."""
