"""Files that come over the network, as a file on the disk for as long as they are looked at."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..core.base.errors import FileFormatError, InputError
from ..core.embedding.names import file_name_for

MAX_UPLOAD_BYTES = 140_000_000
"""An embedding in a picture, in Base64: 4/3 of what ``core.formats.containers.limits`` allows, and a little."""


@contextmanager
def uploaded(data: str, *, name: str) -> Generator[Path]:
    """The Base64 ``data`` (a data: address too) as a file called ``name``; errors inside speak of that name, not of the disk."""
    try:
        content = base64.b64decode(data.partition(",")[2] if data.startswith("data:") else data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("The file did not arrive whole. Choose it again.", field="data") from error
    if not content:
        raise InputError("The file is empty.", field="data")
    with tempfile.TemporaryDirectory(prefix="textual-inversion-") as folder:
        path = Path(folder, file_name_for(name or "file"))
        path.write_bytes(content)
        try:
            yield path
        except InputError as error:
            message = error.message.replace(str(path), path.name)
            kind = FileFormatError if isinstance(error, FileFormatError) else InputError
            raise kind(message, field=error.field or "data") from error
