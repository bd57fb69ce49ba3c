"""The tree without a state: what two calls at once cost."""
