"""Writing an embedding in any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from ..base.errors import InputError, UserError
from ..base.files import write_together
from ..base.sentences import listed
from ..embedding.embedding import Embedding
from ..settings.file_formats import FORMATS, programs_that_do_not_load
from . import as_files as writers
from .concept_folder import TOKEN_FILE
from .layouts import SDXL_WIDTHS
from .read import read_embedding
from .sdxl_two_files import STEM, second_of

WRITERS: Mapping[str, Callable[[writers.Job], list[Path]]] = {
    "a1111": writers.write_webui,
    "safetensors": writers.write_ours,
    "sdxl": writers.write_ours,
    "diffusers": writers.write_diffusers,
    "kohya": writers.write_kohya,
    "onetrainer": writers.write_onetrainer,
    "invoke": writers.write_invoke,
    "ldm": writers.write_ldm,
    "hcp": writers.write_hcp,
    "png": writers.write_png,
    "webp": writers.write_webp,
    "concept-library": writers.write_library,
}
"""The writer of each row of ``FORMATS``."""


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
    return WRITERS[name](job)


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


def convert(in_path: Path, out_path: Path, file_format: str | None = None, *, overwrite: bool = False) -> list[Path]:
    """Read ``in_path`` in whatever format and write it to ``out_path``; returns the files.

    Raises as reading and writing do, and InputError where something else would be written over.
    """
    embedding = read_embedding(in_path)
    if not overwrite:
        check_free(embedding, out_path, file_format)
    return write_embedding(embedding, out_path, file_format=file_format)


def check_free(embedding: Embedding, path: Path, file_format: str | None) -> None:
    """Raise InputError where a file that is not this very embedding, in whatever format, would be written over."""
    name = file_format or format_for(path, embedding)
    targets = [path]
    if name == "concept-library":
        targets = [path / each for each in ("README.md", TOKEN_FILE, f"{STEM}.bin", f"{STEM}.safetensors")]
    elif name == "diffusers" and len(embedding.vectors) == 2:
        targets.append(second_of(path))
    taken = [target for target in targets if target.is_dir() or (target.is_file() and target.stat().st_size)]
    if taken and not _holds(path, embedding):
        raise InputError(
            f"{taken[0]} is there already and holds something else. Choose another name, or overwrite it.",
            field="target",
        )


def _holds(path: Path, embedding: Embedding) -> bool:
    try:
        found = read_embedding(path)
    except UserError:
        return False
    same = [tuple(rows.shape) for rows in found.vectors.values()] == [
        tuple(rows.shape) for rows in embedding.vectors.values()
    ]
    pairs = zip(found.vectors.values(), embedding.vectors.values(), strict=False)
    return same and all(bool((one == other).all()) for one, other in pairs)


def conversion_notes(embedding: Embedding, file_format: str | None, path: Path) -> list[str]:
    """Sentences on a file that was written: what it lacks, who does not read it, how it is called there."""
    name = file_format or format_for(path, embedding)
    notes = list(embedding.remarks)
    ending = path.suffix if FORMATS[name].suffixes else ""
    if unread := programs_that_do_not_load(name, encoders=len(embedding.vectors), ending=ending):
        notes.append(
            f"Files in the format {name!r} are not read by {listed(unread, shown=9)} (or not the whole of them)."
        )
    token = embedding.name or path.stem
    if name in ("diffusers", "concept-library") and embedding.count > 1 and token != token.lower():
        notes.append(
            f"diffusers 0.42 with transformers 5 takes only the first of {embedding.count} vectors where a token holds capitals: load it "
            f"there as token={token.lower()!r}."
        )
    return notes


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
        widths = " + ".join(str(vectors.shape[1]) for vectors in embedding.vectors.values())
        kind = "SDXL embeddings (clip_l and clip_g)" if form.encoders == (2,) else "embeddings of one text encoder"
        raise InputError(
            f"The format {name!r} is for {kind}, and this one has vectors of width {widths} (768: SD 1.x, 1024: SD 2.x, 768 + "
            f"1280: SDXL). Formats for it: {', '.join(able)}.",
            field="file_format",
        )
    if form.suffixes and path.suffix.lower() not in form.suffixes:
        raise InputError(
            f"A file in the format {name!r} is called {' or '.join('*' + s for s in form.suffixes)}, not {path.name!r}.",
            field="file_format",
        )
