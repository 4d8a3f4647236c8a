"""Reading an embedding from any file or folder: the content decides, whatever the extension says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from ..base.errors import FileFormatError, InputError
from ..base.file_kinds import HEAD, kind_of
from ..embedding.embedding import Embedding
from .concept_folder import library_file, library_token
from .containers.checked_vectors import StoredTensor, load_vectors
from .containers.safetensors_file import looks_like_safetensors, read_safetensors
from .containers.torch_file import read_torch_file
from .containers.torch_tensors import TorchTensor
from .layouts import from_tensors, from_webui_dict, make, tensors_in, unbundled
from .notes import About, about_from, about_from_metadata
from .picture_carrier import is_picture, read_picture
from .sdxl_two_files import STEM, joined, other_half


def read_embedding(path: Path) -> Embedding:
    """Read the embedding in ``path``, a file of any known format or a concept-library folder.

    Vectors come as finite float32 on the CPU under ``clip_l`` and ``clip_g``, or ``*`` where the file names no encoder.
    Nothing in the file is executed, and limits.py bounds what is read. Raises FileFormatError (InputError where there
    is nothing to read) with a sentence that names the file and what was seen.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_folder(path)
        return _read_file(path)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error.message.removesuffix('.')}.", field=error.field) from error
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_file(path: Path) -> Embedding:
    embedding = _read_single(path)
    other = other_half(path, embedding)
    if other is None:
        return embedding
    try:
        return joined(embedding, _read_single(other)) or embedding
    except FileFormatError as error:
        if not path.stem.startswith(STEM):  # a neighbour that only happens to be called so
            return embedding
        raise FileFormatError(f"its other half {other.name}: {error.message}") from error


def _read_folder(folder: Path) -> Embedding:
    embedding = _read_file(library_file(folder))
    token = library_token(folder)
    if token is None:
        return embedding
    return replace(embedding, name=token, file_format="concept-library")


def _read_single(path: Path) -> Embedding:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise FileFormatError("it is empty")
    if is_picture(head):
        return read_picture(path, head)
    if looks_like_safetensors(head):  # before pickles: a header of 640 bytes begins like one
        return _from_safetensors(path)
    if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        return _from_torch(read_torch_file(path))
    if head[257:262] == b"ustar":
        raise FileFormatError(
            "it is a tar archive, torch's container before 2017, which is not read: open it in an old torch"
        )
    kind = kind_of(head, size=path.stat().st_size)
    raise FileFormatError(
        f"it is {kind}" if kind else f"it is no embedding in any known format (it begins with {head[:8].hex(' ')})"
    )


def _from_safetensors(path: Path) -> Embedding:
    tensors, metadata = read_safetensors(path)
    about = about_from_metadata(metadata)
    if bundled := unbundled(tensors, about):
        return bundled
    if not tensors:
        raise FileFormatError("it holds no tensors")
    embedding = from_tensors(tensors, about)
    if "string_to_token" in metadata and embedding.file_format == "kohya":
        return replace(embedding, file_format="safetensors")
    return embedding


def _from_torch(root: object) -> Embedding:
    if isinstance(root, TorchTensor):
        return make({"*": load_vectors(root, what="its tensor")}, About(), file_format="diffusers")
    if not isinstance(root, dict):
        raise FileFormatError(f"it holds a {type(root).__name__}; an embedding is a dictionary of tensors")
    entries = cast("dict[object, object]", root)
    if "string_to_param" in entries:
        return from_webui_dict(entries)
    if "optimizer_state_dict" in entries:
        raise FileFormatError("it is the optimiser's state (.optim) that belongs to an embedding, not the embedding")
    if isinstance(entries.get("state_dict"), dict):
        raise FileFormatError("it is a checkpoint of a model, not an embedding")
    tensors: Mapping[str, StoredTensor] = tensors_in(entries)
    if not tensors:
        raise FileFormatError("it holds no tensors")
    about = about_from({key: value for key, value in entries.items() if isinstance(key, str)})
    return unbundled(tensors, about) or from_tensors(tensors, about)
