"""Modifiers: what lies around the hooks of every task and perturbation of a run."""
