"""A till that closes its books every second, and its owner's ledger."""
