"""The counter as each of the others wants it written, to be run in their own environments."""
