"""One function for each format: an embedding into bytes, and these into files."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save as safetensors_bytes

from ..base.errors import InputError
from ..base.files import write_bytes
from ..embedding.embedding import Embedding
from ..pictures.png import png_bytes
from . import concept_folder as library
from . import sdxl_two_files as pair
from .banner import captioned, plain_card
from .carrier_json import to_json
from .containers.pixels import encode_pixels
from .layouts import CLIP_G, CLIP_L, KOHYA_KEY, ONETRAINER_KEY
from .notes import metadata_of
from .picture_carrier import KEYWORD, PARTNER_KEYWORD
from .torch_bytes import hcp_dict, ldm_dict, only_vectors, torch_bytes, webui_dict

_WEBP_MAX_SIDE = 16383
_MODELSPEC: Mapping[tuple[int, ...], str] = {
    (768,): "stable-diffusion-v1/textual-inversion",
    (
        1024,
    ): "stable-diffusion-v2-768-v/textual-inversion",  # or -512, which vectors do not tell; kohya knows no plain v2
    (768, 1280): "stable-diffusion-xl-v1-base/textual-inversion",
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One embedding on its way into a file; ``image`` is what a PNG shows, ``pictures`` go into a library folder."""

    embedding: Embedding
    path: Path
    image: Image.Image | None
    pictures: Sequence[Image.Image]
    caption: bool
    partner: Embedding | None = None

    @property
    def token(self) -> str:
        """Key of the vectors in diffusers' files: the token, else the name that the file is given."""
        return self.embedding.name or self.path.stem


def write_webui(job: Job) -> list[Path]:
    """A1111's dictionary."""
    return _write(job.path, torch_bytes(webui_dict(job.embedding)))


def write_ldm(job: Job) -> list[Path]:
    """The original trainer's dictionary; it has room for nothing but the vectors."""
    return _write(job.path, torch_bytes(ldm_dict(job.embedding)))


def write_hcp(job: Job) -> list[Path]:
    """HCP-Diffusion's dictionary for SDXL."""
    return _write(job.path, torch_bytes(hcp_dict(job.embedding)))


def write_ours(job: Job) -> list[Path]:
    """ai-toolkit's layout: one tensor that every reader takes, and A1111's keys in the metadata."""
    metadata = {"string_to_token": '{"*": 265}'}
    if len(job.embedding.vectors) == 1:
        metadata["string_to_param"] = json.dumps({"*": KOHYA_KEY})  # without it ai-toolkit reads no step
    return _write_tensors(job, KOHYA_KEY, metadata)


def write_kohya(job: Job) -> list[Path]:
    """kohya's key, and the modelspec metadata that its other tools look for."""
    widths = tuple(vectors.shape[1] for vectors in _copies(job.embedding).values())
    metadata = metadata_of(job.embedding)
    spec = {"modelspec.sai_model_spec": "1.0.0"}
    if "name" in metadata:
        spec["modelspec.title"] = metadata["name"]
    if widths in _MODELSPEC:
        spec["modelspec.architecture"] = _MODELSPEC[widths]
    return _write_tensors(job, KOHYA_KEY, spec)


def write_onetrainer(job: Job) -> list[Path]:
    """OneTrainer's key, spelled as it spells it."""
    return _write_tensors(job, ONETRAINER_KEY, {})


def write_invoke(job: Job) -> list[Path]:
    """invoke-training's layout, which is kohya's without its metadata."""
    return _write_tensors(job, KOHYA_KEY, {})


def write_diffusers(job: Job) -> list[Path]:
    """``{token: tensor}``; for SDXL two files of it."""
    metadata = metadata_of(job.embedding)
    if len(job.embedding.vectors) == 1:
        return _write_flat(job.path, {job.token: only_vectors(job.embedding)}, metadata)
    copies, second = _copies(job.embedding), pair.second_of(job.path)
    _write_flat(second, {job.token: copies[CLIP_G]}, metadata)
    return [*_write_flat(job.path, {job.token: copies[CLIP_L]}, metadata), second]


def write_library(job: Job) -> list[Path]:
    """A folder as in the SD concepts library."""
    embedding, folder = job.embedding, job.path
    if not embedding.name:
        raise InputError("A concept library is named after its token, and this embedding has no name.", field="name")
    extension = "bin" if len(embedding.vectors) == 1 else "safetensors"
    tensors = write_diffusers(replace(job, path=folder / f"{pair.STEM}.{extension}"))
    texts = library.write_library_texts(
        folder,
        token=embedding.name,
        checkpoint=metadata_of(embedding).get("sd_checkpoint_name"),
        extension=extension,
        vectors=embedding.count,
        step=embedding.step,
    )
    return [*tensors, *texts, *library.write_library_pictures(folder, job.pictures)]


def write_png(job: Job) -> list[Path]:
    """A picture with both of A1111's carriers: the text chunk and the pixels. A pair's negative half is in a chunk alone."""
    text = to_json(job.embedding)
    chunks = {KEYWORD: text} if job.partner is None else {KEYWORD: text, PARTNER_KEYWORD: to_json(job.partner)}
    encoded = {keyword: b64encode(content.encode()).decode() for keyword, content in chunks.items()}
    return _write(job.path, png_bytes(_carrier(job, text), encoded))


def write_webp(job: Job) -> list[Path]:
    """Lossless; the pixels carry the embedding (web UIs look for a text chunk in PNG alone)."""
    picture = _carrier(job, to_json(job.embedding))
    if max(picture.size) > _WEBP_MAX_SIDE:
        raise InputError(
            f"The picture would be {picture.width} pixels wide, and WebP ends at {_WEBP_MAX_SIDE}. Use PNG."
        )
    data = io.BytesIO()
    picture.save(data, format="WEBP", lossless=True)
    return _write(job.path, data.getvalue())


def _carrier(job: Job, text: str) -> Image.Image:
    picture = job.image or plain_card(job.embedding)
    picture = captioned(picture, job.embedding) if job.caption else picture.convert("RGB")
    first = next(iter(job.embedding.vectors.values()))[0]
    return encode_pixels(picture, text.encode(), first_vector=first)


def _write_tensors(job: Job, key: str, metadata: Mapping[str, str]) -> list[Path]:
    """One tensor under ``key``, or clip_l and clip_g."""
    copies = _copies(job.embedding)
    tensors = copies if len(copies) == 2 else {key: only_vectors(job.embedding)}
    return _write_flat(job.path, tensors, metadata_of(job.embedding) | dict(metadata))


def _write_flat(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> list[Path]:
    """Write ``tensors`` [vectors, width] by key. A torch file of this kind has no room for metadata: readers take it
    for one more tensor."""
    if path.suffix.lower() == ".safetensors":
        return _write(path, safetensors_bytes(dict(tensors), {"format": "pt"} | dict(metadata)))
    return _write(path, torch_bytes(dict(tensors)))


def _copies(embedding: Embedding) -> dict[str, torch.Tensor]:
    """The vectors [vectors, width], clip_l before clip_g, each float32 on the CPU with a storage of its own."""
    ordered = sorted(embedding.vectors, reverse=True)
    return {key: embedding.vectors[key].detach().to("cpu", torch.float32).clone().contiguous() for key in ordered}


def _write(path: Path, data: bytes) -> list[Path]:
    write_bytes(path, data)
    return [path]
