"""What a scenario is and says: the model, and how it is read from YAML."""
