"""Perturbations of video frames, one module each."""
