"""The Store port on SQLite: one file, shared by the processes of one machine."""
