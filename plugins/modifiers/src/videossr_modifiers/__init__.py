"""Modifiers: what lies around the hooks of the tasks of a run and their perturbations."""
