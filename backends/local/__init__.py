"""One machine: processes on loopback, with SQLite as the store they share."""
