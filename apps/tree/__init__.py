"""One transaction across services: two counters that always agree."""
