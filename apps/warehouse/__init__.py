"""A warehouse: what arrives is queued, put on shelves, counted, and sent out in whole orders."""
