"""The counter without a state: what a platform alone costs."""
