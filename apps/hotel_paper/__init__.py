"""Travel reservation with room for everyone, as in the paper's evaluation."""
