"""A VAE from a file of its own, in place of the checkpoint's."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from diffusers import AutoencoderKL
from torch import Tensor

from ...core.base.errors import FileFormatError, InputError, UserError
from ...core.base.pasted_path import exists, pasted_path
from ...core.model.host import OWN_VAE
from ..parking import Parking
from .checkpoint.checkpoint import SUFFIXES, read_checkpoint
from .checkpoint.layout import VaeLayout
from .checkpoint.ldm_keys import VAE_PREFIX, vae_keys
from .loading import LoadedModel

_SUFFIXES = (*SUFFIXES, ".pt", ".bin")
_OLD_ATTENTION = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
"""Names of the layers of the VAE's attention in diffusers before 0.15."""


def find_vae(name: str) -> Path | None:
    """The file at a path; None for nothing and for ``OWN_VAE``. Raises InputError where there is no such file."""
    path = pasted_path(name)
    if not name.strip() or str(path) in (".", OWN_VAE):
        return None
    if not exists(path) or not path.is_file() or path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"There is no VAE file at {path}. Give the path of one ({', '.join(_SUFFIXES)}), or {OWN_VAE} for the checkpoint's own.",
            field="vae",
        )
    return path


@contextmanager
def with_vae(model: LoadedModel, name: str) -> Iterator[LoadedModel]:
    """The model with the VAE asked for. ``model`` itself stays as it is; its own VAE waits in RAM meanwhile."""
    path = find_vae(name)
    if path is None:
        yield model
        return
    own = model.networks.vae
    vae = load_vae(path, own=own, layout=model.layout.vae)
    waiting = Parking(own, model.device)
    waiting.park()
    try:
        yield replace(model, networks=replace(model.networks, vae=vae))
    finally:
        waiting.unpark()


def load_vae(path: Path, *, own: AutoencoderKL, layout: VaeLayout) -> AutoencoderKL:
    """A VAE of the same shape as ``own``, from a file with LDM's names or diffusers'. Raises FileFormatError where it does not fit."""
    try:
        found = read_checkpoint(path, suffixes=_SUFFIXES).tensors
    except UserError as error:
        raise type(error)(error.message, field="vae") from error
    names = vae_keys(layout.shape)
    tensors = {_library_name(name, names): tensor for name, tensor in found.items()}
    state: dict[str, Tensor] = {}
    for name, wanted in own.state_dict().items():
        tensor = tensors.get(name)
        if tensor is not None and tensor.dim() == wanted.dim() + 2:  # LDM's attention: 1x1 convolutions
            tensor = tensor.flatten(1)
        if tensor is None or tensor.shape != wanted.shape:
            seen = "is not there" if tensor is None else f"has shape {list(tensor.shape)}"
            raise FileFormatError(
                f"The VAE {path.name} does not fit this checkpoint: {name} {seen}, where {list(wanted.shape)} is wanted. "
                "Choose one for this kind of checkpoint.",
                field="vae",
            )
        state[name] = tensor
    vae = copy.deepcopy(own)
    vae.load_state_dict(state)
    return vae


def _library_name(name: str, names: dict[str, str]) -> str:
    """As diffusers calls it now."""
    plain = name.removeprefix(VAE_PREFIX)
    if plain in names:
        return names[plain]
    for old, new in _OLD_ATTENTION.items():
        plain = plain.replace(old, new)
    return plain
