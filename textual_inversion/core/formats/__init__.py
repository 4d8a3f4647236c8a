"""Embeddings in files: every format that people have, read and written."""

from ..settings.file_formats import FORMATS
from .describe import describe
from .picture_carrier import read_partner
from .read import read_embedding
from .write import check_free, conversion_notes, convert, format_for, write_embedding, write_pair

__all__ = [
    "FORMATS",
    "check_free",
    "conversion_notes",
    "convert",
    "describe",
    "format_for",
    "read_embedding",
    "read_partner",
    "write_embedding",
    "write_pair",
]
