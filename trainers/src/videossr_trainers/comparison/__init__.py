"""Runs of `videossr eval` or `videossr diagnose` on the same questions, side by side."""
