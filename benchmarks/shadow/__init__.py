"""A second device on a machine that has none."""
