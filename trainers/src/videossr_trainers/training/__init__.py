"""A run from its config to its last checkpoint: stages, resuming, signals, and every way to fail."""
