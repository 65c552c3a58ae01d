"""Ablations: presets of a few lines, runs of them over seeds, and what came of it."""
