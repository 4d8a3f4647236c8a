"""Measure what a training step costs: `python -m benchmarks`."""
