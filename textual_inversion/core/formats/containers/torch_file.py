"""Files that ``torch.save`` wrote: the zip container of today and the sequence of pickles from before torch 1.6."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from ...base.errors import FileFormatError
from ...base.sentences import listed
from .limits import MAX_PICKLE_BYTES, MAX_PICKLE_FILE_BYTES, MAX_ZIP_ENTRIES
from .pickle_program import run_pickle
from .torch_tensors import Storage, StorageReader, torch_vocabulary

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_ITEM_SIZES = {
    "complex128": 16,
    "float64": 8,
    "int64": 8,
    "complex64": 8,
    "float32": 4,
    "int32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "untyped": 1,
}


def read_torch_file(path: Path) -> object:
    """Read what was given to ``torch.save``, with ``TorchTensor`` descriptions in place of tensors.

    Nothing is executed and no tensor read. Raises FileFormatError on anything but plain data and tensors.
    """
    size = path.stat().st_size
    if size > MAX_PICKLE_FILE_BYTES:
        raise FileFormatError(
            f"it has {size // 2**20} MB, an embedding of this kind at most {MAX_PICKLE_FILE_BYTES // 2**20}. "
            "Is it a checkpoint or a LoRA?"
        )
    data = path.read_bytes()
    return _read_zip(data) if data[:2] == b"PK" else _read_legacy(data)


def _read_zip(data: bytes) -> object:
    if data.count(b"PK\x01\x02") > MAX_ZIP_ENTRIES:
        raise FileFormatError(f"its zip container holds more than {MAX_ZIP_ENTRIES} files; an embedding's holds 8")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, OSError, struct.error) as error:
        raise FileFormatError("its zip container is broken: the file was cut off or damaged") from error
    with archive:
        programs = [name for name in archive.namelist() if name.endswith("/data.pkl") or name == "data.pkl"]
        if not programs:
            names = listed(archive.namelist(), shown=3)
            raise FileFormatError(f"it is a ZIP archive ({names[:200]}) and not one that torch wrote: unpack it")
        if len(programs) != 1:
            raise FileFormatError(f"its zip container holds {len(programs)} data.pkl; torch writes exactly one")
        folder = programs[0][: -len("data.pkl")]
        if f"{folder}byteorder" in archive.namelist():
            _check_byte_order(_entry(archive, f"{folder}byteorder", limit=16))
        program = _entry(archive, programs[0], limit=MAX_PICKLE_BYTES)
    return run_pickle(io.BytesIO(program), torch_vocabulary(_zip_storages(data, folder)))


def _check_byte_order(order: bytes) -> None:
    if order.strip() != b"little":
        raise FileFormatError(f"its numbers are stored {order[:10]!r}-endian. Save it again on an ordinary computer")


def _zip_storages(data: bytes, folder: str) -> StorageReader:
    def read(key: str, count: int) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = _entry(archive, f"{folder}data/{key}", limit=count)
        if len(found) != count:
            raise FileFormatError(
                f"storage {key[:40]!r} has {len(found)} bytes instead of {count}: the file was cut off"
            )
        return found

    return read


def _entry(archive: zipfile.ZipFile, name: str, *, limit: int) -> bytes:
    """One file of the container; never inflates more than ``limit`` bytes, whatever its header says."""
    try:
        info = archive.getinfo(name)
        if info.file_size > limit or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileFormatError(
                f"{name[:80]!r} in its zip container claims {info.file_size} bytes, {limit} at most fit"
            )
        with archive.open(info) as file:
            return file.read(limit + 1)
    except KeyError as error:
        raise FileFormatError(f"its zip container lacks {name[:80]!r}: the file was cut off or damaged") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error, OSError) as error:
        raise FileFormatError(f"{name[:80]!r} in its zip container cannot be read ({str(error)[:80]})") from error


def _read_legacy(data: bytes) -> object:
    """Five pickles (magic number, protocol, system, object, storage keys), then each storage: count, values."""
    stream = io.BytesIO(data)
    storages: dict[str, Storage] = {}
    contents: dict[str, bytes] = {}

    def read(key: str, count: int) -> bytes:
        found = contents.get(key, b"")
        if len(found) != count:
            raise FileFormatError(
                f"storage {key[:40]!r} has {len(found)} bytes instead of {count}: the file was cut off"
            )
        return found

    vocabulary = torch_vocabulary(read)

    def remember(arguments: tuple[object, ...]) -> object:
        storage = vocabulary.persistent(arguments)
        if isinstance(storage, Storage):
            storages[storage.key] = storage
        return storage

    if run_pickle(stream, vocabulary) != _LEGACY_MAGIC or run_pickle(stream, vocabulary) != _LEGACY_PROTOCOL:
        raise FileFormatError("it is a pickle, but torch did not write it")
    system = run_pickle(stream, vocabulary)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise FileFormatError("its numbers are stored big-endian. Save it again on an ordinary computer")
    root = run_pickle(stream, replace(vocabulary, persistent=remember))
    _read_legacy_storages(stream, run_pickle(stream, vocabulary), storages, contents)
    return root


def _read_legacy_storages(
    stream: io.BytesIO, keys: object, storages: dict[str, Storage], contents: dict[str, bytes]
) -> None:
    if not isinstance(keys, list):
        raise FileFormatError("it is a pickle of torch, but without the list of its storages")
    for key in keys:
        header = stream.read(8)
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or len(header) < 8:
            raise FileFormatError("it ends before its numbers: the file was cut off")
        (values,) = struct.unpack("<q", header)
        if values != storage.values:
            raise FileFormatError(f"a storage has {values} values where {storage.values} were announced")
        contents[storage.key] = stream.read(values * _ITEM_SIZES[storage.dtype])
