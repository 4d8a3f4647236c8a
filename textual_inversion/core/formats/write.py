"""Writing an embedding in any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from ..base.errors import InputError
from ..base.files import write_together
from ..embedding.embedding import Embedding
from . import as_files as writers
from .layouts import SDXL_WIDTHS
from .read import read_embedding


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """``suffixes`` that files of this kind may have (none: a folder), and how many encoders it can hold."""

    write: Callable[[writers.Job], list[Path]]
    suffixes: tuple[str, ...]
    encoders: tuple[int, ...]


_FLAT = (".safetensors", ".pt", ".bin", ".ckpt")
FORMATS: Mapping[str, FileFormat] = {
    "a1111": FileFormat(write=writers.write_webui, suffixes=(".pt", ".bin"), encoders=(1,)),
    "safetensors": FileFormat(write=writers.write_ours, suffixes=(".safetensors",), encoders=(1, 2)),
    "sdxl": FileFormat(write=writers.write_ours, suffixes=_FLAT, encoders=(2,)),
    "diffusers": FileFormat(write=writers.write_diffusers, suffixes=_FLAT, encoders=(1, 2)),
    "kohya": FileFormat(write=writers.write_kohya, suffixes=_FLAT, encoders=(1, 2)),
    "onetrainer": FileFormat(write=writers.write_onetrainer, suffixes=(".safetensors",), encoders=(1, 2)),
    "invoke": FileFormat(write=writers.write_invoke, suffixes=(".safetensors",), encoders=(1, 2)),
    "ldm": FileFormat(write=writers.write_ldm, suffixes=(".pt", ".bin"), encoders=(1,)),
    "hcp": FileFormat(write=writers.write_hcp, suffixes=(".pt", ".bin"), encoders=(2,)),
    "png": FileFormat(write=writers.write_png, suffixes=(".png",), encoders=(1, 2)),
    "webp": FileFormat(write=writers.write_webp, suffixes=(".webp",), encoders=(1, 2)),
    "concept-library": FileFormat(write=writers.write_library, suffixes=(), encoders=(1, 2)),
}
"""Every format that can be written, by name; ``Embedding.file_format`` uses the same names (and ``bundle``)."""


def write_embedding(
    embedding: Embedding,
    path: Path,
    *,
    file_format: str | None = None,
    image: Image.Image | None = None,
    pictures: Sequence[Image.Image] = (),
    caption: bool = True,
    partner: Embedding | None = None,
) -> list[Path]:
    """Write ``embedding`` to ``path`` and return the files written (several for a pair or a folder).

    ``file_format`` is a key of FORMATS; without it the extension decides. ``image`` is the picture that a PNG or WebP
    shows (a plain card where there is none), captioned as A1111 does unless ``caption`` is off; ``pictures`` go into a
    concept-library folder. ``partner``, the negative half of a pair, is carried along by a PNG. Every file replaces an older one atomically. Name, step, checkpoint and notes are kept
    wherever the format has room for them; local paths in them are cut to their last part.
    Raises InputError where the format cannot hold this embedding, ResourceError where the disk fails.
    """
    path = Path(path)
    name = file_format or format_for(path, embedding)
    if name not in FORMATS:
        raise InputError(f"There is no format {name!r}. Choose one of: {', '.join(FORMATS)}.", field="file_format")
    _check_fits(embedding, path, name)
    job = writers.Job(embedding=embedding, path=path, image=image, pictures=pictures, caption=caption, partner=partner)
    return FORMATS[name].write(job)


def write_pair(positive: tuple[Embedding, Path], negative: tuple[Embedding, Path]) -> None:
    """Write both halves of a pair, each in the format of its path's extension: both files are replaced, or none.

    Raises as ``write_embedding``.
    """
    contents: dict[Path, bytes] = {}
    with TemporaryDirectory() as folder:
        for embedding, path in (negative, positive):
            staged = Path(folder, path.name)
            write_embedding(embedding, staged)
            contents[path] = staged.read_bytes()
    write_together(contents)


def convert(in_path: Path, out_path: Path, file_format: str | None = None) -> list[Path]:
    """Read ``in_path`` in whatever format and write it to ``out_path``. Raises as reading and writing do."""
    return write_embedding(read_embedding(in_path), out_path, file_format=file_format)


def format_for(path: Path, embedding: Embedding) -> str:
    """The format that a path's extension stands for. Raises InputError where it stands for none."""
    two = len(embedding.vectors) == 2
    found = {
        ".pt": "sdxl" if two else "a1111",
        ".safetensors": "sdxl" if two else "safetensors",
        ".bin": "diffusers",
        ".png": "png",
        ".webp": "webp",
    }.get(path.suffix.lower())
    if found is None:
        raise InputError(
            f"The name {path.name!r} does not say which format to write. Give it one of the extensions "
            f".pt, .safetensors, .bin, .png, .webp, or name a format: {', '.join(FORMATS)}.",
            field="file_format",
        )
    return found


def _check_fits(embedding: Embedding, path: Path, name: str) -> None:
    form, encoders = FORMATS[name], len(embedding.vectors)
    if encoders not in form.encoders or (encoders == 2 and set(embedding.vectors) != set(SDXL_WIDTHS)):
        able = [key for key, other in FORMATS.items() if encoders in other.encoders]
        raise InputError(
            f"The format {name!r} has no room for the vectors of {' and '.join(embedding.vectors)}. "
            f"Formats that have: {', '.join(able)}.",
            field="file_format",
        )
    if form.suffixes and path.suffix.lower() not in form.suffixes:
        raise InputError(
            f"A file in the format {name!r} is called {' or '.join('*' + s for s in form.suffixes)}, not {path.name!r}.",
            field="file_format",
        )
