"""Limits of seeds, the same in forms, on the command line and over HTTP."""

LARGEST_SEED = 2**53 - 1
"""Of training: whole numbers up to here are exact in a browser, and in every program that reads JSON."""

LARGEST_PICTURE_SEED = 2**32 - 1
"""Of a picture: hosts take no larger one."""
