"""The chain without a state: what two hops cost."""
