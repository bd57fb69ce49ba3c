"""What an experiment is, wherever it runs: scenario, load, faults, record, checks, result."""
