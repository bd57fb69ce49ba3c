"""Example applications: services, and beside each a workload with its data, load and invariants."""
