"""Textual inversion: train embeddings inside Stable Diffusion web UIs, or on their own."""

__version__ = "0.1.0"
