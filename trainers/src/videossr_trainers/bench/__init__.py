"""Benchmarks put to models: run, report, hand-over to others' harnesses."""
