"""Embeddings in files: every format that people have, read and written."""

from .describe import describe
from .picture_carrier import read_partner
from .read import read_embedding
from .write import FORMATS, convert, format_for, write_embedding, write_pair

__all__ = [
    "FORMATS",
    "convert",
    "describe",
    "format_for",
    "read_embedding",
    "read_partner",
    "write_embedding",
    "write_pair",
]
