"""Embeddings in files: every format that people have, read and written."""

from .describe import describe
from .reading import read_embedding
from .writing import FORMATS, convert, format_for, write_embedding

__all__ = ["FORMATS", "convert", "describe", "format_for", "read_embedding", "write_embedding"]
