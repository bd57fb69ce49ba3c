"""Two services without state in front of the counter: they commit nothing of their own."""
