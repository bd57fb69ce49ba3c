"""Real platforms: each gives ``core`` a store and a transport, and decides nothing else."""
