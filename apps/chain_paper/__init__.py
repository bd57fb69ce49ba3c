"""The chain in the vocabulary of the paper's prototype, which compiles without an edit."""
