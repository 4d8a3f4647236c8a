"""Writing an embedding in any format."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save as safetensors_bytes

from ..embedding import Embedding
from ..errors import InputError
from ..files import write_bytes
from . import library, pair
from .about import metadata_of
from .caption import captioned, plain_card
from .carrier_json import to_json
from .layouts import CLIP_G, CLIP_L, KOHYA_KEY, ONETRAINER_KEY, SDXL_WIDTHS
from .picture import KEYWORD
from .pixels import encode_pixels
from .reading import read_embedding
from .torch_writing import hcp_dict, ldm_dict, only_vectors, torch_bytes, webui_dict

_WEBP_MAX_SIDE = 16383
_MODELSPEC = {
    (768,): "stable-diffusion-v1/textual-inversion",
    (1024,): "stable-diffusion-v2/textual-inversion",
    (768, 1280): "stable-diffusion-xl-v1-base/textual-inversion",
}


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One embedding on its way into a file."""

    embedding: Embedding
    path: Path
    image: Image.Image | None
    pictures: Sequence[Image.Image]
    caption: bool

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @property
    def token(self) -> str:
        """What diffusers' files are keyed by: the token, else the name that the file is given."""
        return self.embedding.name or self.path.stem


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """``suffixes`` that files of this kind may have (none: a folder), and how many encoders it can hold."""

    write: Callable[[_Job], list[Path]]
    suffixes: tuple[str, ...]
    encoders: tuple[int, ...]


def write_embedding(
    embedding: Embedding,
    path: Path,
    *,
    file_format: str | None = None,
    image: Image.Image | None = None,
    pictures: Sequence[Image.Image] = (),
    caption: bool = True,
) -> list[Path]:
    """Write ``embedding`` to ``path`` and return the files written (several for a pair or a folder).

    ``file_format`` is a key of FORMATS; without it the extension decides. ``image`` is the picture that a PNG or WebP
    shows (a plain card where there is none), captioned as A1111 does unless ``caption`` is off; ``pictures`` go into a
    concept-library folder. Every file replaces an older one atomically. Name, step, checkpoint and notes are kept
    wherever the format has room for them; local paths in them are cut to their last part.
    Raises InputError where the format cannot hold this embedding, ResourceError where the disk fails.
    """
    path = Path(path)
    name = file_format or format_for(path, embedding)
    if name not in FORMATS:
        raise InputError(f"There is no format {name!r}. Choose one of: {', '.join(FORMATS)}.", field="file_format")
    _check_fits(embedding, path, name)
    job = _Job(embedding=embedding, path=path, image=image, pictures=pictures, caption=caption)
    return FORMATS[name].write(job)


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
        raise InputError(
            f"The format {name!r} has no room for the vectors of {' and '.join(embedding.vectors)}. "
            f"{'Formats for SDXL: sdxl, safetensors, png.' if encoders == 2 else 'It is for SDXL alone.'}",
            field="file_format",
        )
    if form.suffixes and path.suffix.lower() not in form.suffixes:
        raise InputError(
            f"A file in the format {name!r} is called {' or '.join('*' + s for s in form.suffixes)}, not {path.name!r}.",
            field="file_format",
        )


def _write_webui(job: _Job) -> list[Path]:
    write_bytes(job.path, torch_bytes(webui_dict(job.embedding)))
    return [job.path]


def _write_ldm(job: _Job) -> list[Path]:
    write_bytes(job.path, torch_bytes(ldm_dict(job.embedding)))
    return [job.path]


def _write_hcp(job: _Job) -> list[Path]:
    write_bytes(job.path, torch_bytes(hcp_dict(job.embedding)))
    return [job.path]


def _write_ours(job: _Job) -> list[Path]:
    """ai-toolkit's layout: one tensor that every reader takes, and A1111's keys in the metadata."""
    return _write_tensors(job, KOHYA_KEY, {"string_to_token": '{"*": 265}'})


def _write_kohya(job: _Job) -> list[Path]:
    widths = tuple(vectors.shape[1] for vectors in _ordered(job.embedding).values())
    metadata = metadata_of(job.embedding)
    spec = {"modelspec.sai_model_spec": "1.0.0"}
    if "name" in metadata:
        spec["modelspec.title"] = metadata["name"]
    if widths in _MODELSPEC:
        spec["modelspec.architecture"] = _MODELSPEC[widths]
    return _write_tensors(job, KOHYA_KEY, spec)


def _write_onetrainer(job: _Job) -> list[Path]:
    return _write_tensors(job, ONETRAINER_KEY, {})


def _write_invoke(job: _Job) -> list[Path]:
    return _write_tensors(job, KOHYA_KEY, {})


def _write_tensors(job: _Job, key: str, metadata: Mapping[str, str]) -> list[Path]:
    """One tensor under ``key``, or clip_l and clip_g. A ``.pt`` of this kind has no room for more than the tensors."""
    tensors = _ordered(job.embedding) if len(job.embedding.vectors) == 2 else {key: only_vectors(job.embedding)}
    _write_flat(job.path, tensors, metadata_of(job.embedding) | dict(metadata))
    return [job.path]


def _write_flat(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    if path.suffix.lower() == ".safetensors":
        write_bytes(path, safetensors_bytes(dict(tensors), {"format": "pt"} | dict(metadata)))
    else:
        write_bytes(path, torch_bytes(dict(tensors)))


def _ordered(embedding: Embedding) -> dict[str, torch.Tensor]:
    """clip_l before clip_g, each a copy of its own."""
    return {
        key: embedding.vectors[key].detach().clone().contiguous() for key in sorted(embedding.vectors, reverse=True)
    }


def _write_diffusers(job: _Job) -> list[Path]:
    metadata = metadata_of(job.embedding)
    if len(job.embedding.vectors) == 1:
        _write_flat(job.path, {job.token: only_vectors(job.embedding)}, metadata)
        return [job.path]
    second = pair.second_of(job.path)
    _write_flat(second, {job.token: _ordered(job.embedding)[CLIP_G]}, metadata)
    _write_flat(job.path, {job.token: _ordered(job.embedding)[CLIP_L]}, metadata)
    return [job.path, second]


def _write_library(job: _Job) -> list[Path]:
    embedding, folder = job.embedding, job.path
    extension = "bin" if len(embedding.vectors) == 1 else "safetensors"
    inner = _Job(embedding=embedding, path=folder / f"{pair.STEM}.{extension}", image=None, pictures=(), caption=False)
    tensors = _write_diffusers(inner) if embedding.name else []
    if not tensors:
        raise InputError("A concept library is named after its token, and this embedding has no name.", field="name")
    library.write_library_texts(
        folder,
        token=inner.token,
        checkpoint=metadata_of(embedding).get("sd_checkpoint_name"),
        extension=extension,
        vectors=embedding.count,
        step=embedding.step,
    )
    library.write_library_pictures(folder, job.pictures)
    return [*tensors, folder / library.TOKEN_FILE, folder / "README.md"]


def _write_png(job: _Job) -> list[Path]:
    text = to_json(job.embedding)
    info = PngImagePlugin.PngInfo()
    info.add_text(KEYWORD, b64encode(text.encode()).decode())
    data = io.BytesIO()
    _carrier(job, text).save(data, format="PNG", pnginfo=info)
    write_bytes(job.path, data.getvalue())
    return [job.path]


def _write_webp(job: _Job) -> list[Path]:
    """Lossless; the pixels carry the embedding (web UIs look for a text chunk in PNG alone)."""
    picture = _carrier(job, to_json(job.embedding))
    if max(picture.size) > _WEBP_MAX_SIDE:
        raise InputError(
            f"The picture would be {picture.width} pixels wide, and WebP ends at {_WEBP_MAX_SIDE}. Use PNG."
        )
    data = io.BytesIO()
    picture.save(data, format="WEBP", lossless=True)
    write_bytes(job.path, data.getvalue())
    return [job.path]


def _carrier(job: _Job, text: str) -> Image.Image:
    picture = job.image or plain_card(job.embedding)
    picture = captioned(picture, job.embedding) if job.caption else picture.convert("RGB")
    first = next(iter(job.embedding.vectors.values()))[0]
    return encode_pixels(picture, text.encode(), first_vector=first)


_TORCH = (".pt", ".bin", ".ckpt")
FORMATS: Mapping[str, FileFormat] = {
    "a1111": FileFormat(write=_write_webui, suffixes=(".pt", ".bin"), encoders=(1,)),
    "safetensors": FileFormat(write=_write_ours, suffixes=(".safetensors",), encoders=(1, 2)),
    "sdxl": FileFormat(write=_write_ours, suffixes=(".safetensors", *_TORCH), encoders=(2,)),
    "diffusers": FileFormat(write=_write_diffusers, suffixes=(".safetensors", ".bin", ".pt"), encoders=(1, 2)),
    "kohya": FileFormat(write=_write_kohya, suffixes=(".safetensors", *_TORCH), encoders=(1, 2)),
    "onetrainer": FileFormat(write=_write_onetrainer, suffixes=(".safetensors",), encoders=(1, 2)),
    "invoke": FileFormat(write=_write_invoke, suffixes=(".safetensors",), encoders=(1, 2)),
    "ldm": FileFormat(write=_write_ldm, suffixes=(".pt", ".bin"), encoders=(1,)),
    "hcp": FileFormat(write=_write_hcp, suffixes=(".pt", ".bin"), encoders=(2,)),
    "png": FileFormat(write=_write_png, suffixes=(".png",), encoders=(1, 2)),
    "webp": FileFormat(write=_write_webp, suffixes=(".webp",), encoders=(1, 2)),
    "concept-library": FileFormat(write=_write_library, suffixes=(), encoders=(1, 2)),
}
"""Every format that can be written, by name; ``Embedding.file_format`` uses the same names (and ``bundle``)."""
