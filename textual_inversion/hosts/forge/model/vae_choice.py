"""The VAE that a run asks for, in the engine as long as it is lent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from backend.utils import load_torch_file
from modules import sd_models, sd_vae, shared
from torch import Tensor

from ....core.base.errors import FileFormatError, InputError, LeaseError
from ....core.model.host import OWN_VAE
from .engine import vae_of

Weights = Mapping[str, Tensor]
_IN_A_CHECKPOINT = "first_stage_model."
_CALLED_BY_DIFFUSERS = "decoder.up_blocks."


def vae_file(name: str) -> Path | None:
    """Find the web UI's VAE of that name; None for the checkpoint's own. Raises InputError telling what there is."""
    if name == OWN_VAE:
        return None
    if name not in sd_vae.vae_dict:
        sd_vae.refresh_vae_list()  # it may have been put there since
    if name in sd_vae.vae_dict:
        return Path(sd_vae.vae_dict[name])
    known = ", ".join([OWN_VAE, *sorted(sd_vae.vae_dict, key=str.casefold)])
    raise InputError(
        f"The web UI has no VAE called {name!r}. There are: {known}. Leave the field as set for the one that the web UI uses, "
        f"or put the file into {sd_vae.vae_path}.",
        field="vae",
    )


@contextmanager
def chosen_vae(engine: Any, name: str) -> Iterator[None]:
    """Inside, the engine's VAE has these weights, wherever the web UI moves it.

    Not by a load of the web UI, which would load the whole checkpoint again. Raises InputError, FileFormatError or LeaseError
    where it cannot be had; nothing has changed then.
    """
    file = vae_file(name) if name else None
    if not name or (file is None and not _has_another_vae()):
        yield
        return
    vae = vae_of(engine)
    weights = _read(file or Path(engine.sd_checkpoint_info.filename), vae)
    former = {key: tensor.detach().to("cpu", copy=True) for key, tensor in vae.state_dict().items()}
    try:
        _fill(vae, weights)
        yield
    finally:
        if sd_models.model_data.sd_model is engine:  # otherwise nobody has it any more
            _fill(vae, former)


def _has_another_vae() -> bool:
    """Tell whether one of the chosen "VAE / Text Encoder" files took the place of the checkpoint's own VAE."""
    chosen = {Path(path).name for path in getattr(shared.opts, "forge_additional_modules", None) or ()}
    return bool(chosen & set(sd_vae.vae_dict))


def _read(file: Path, vae: Any) -> Weights:
    """With the web UI's reader, which knows what may be in such a file. Raises FileFormatError naming what does not fit."""
    try:
        found = load_torch_file(str(file))
    except Exception as error:  # of torch, safetensors, the unpickler: the file is to blame for all of them
        raise FileFormatError(f"The VAE {file.name} cannot be read: {error}. Choose another.", field="vae") from error
    found = found.get("state_dict", found)
    if any(key.startswith(_CALLED_BY_DIFFUSERS) for key in found):
        found = _renamed(found)
    weights = {
        **found,
        **{
            key.removeprefix(_IN_A_CHECKPOINT): value
            for key, value in found.items()
            if key.startswith(_IN_A_CHECKPOINT)
        },
    }
    for key, tensor in vae.state_dict().items():
        given = weights.get(key)
        if given is None or given.numel() != tensor.numel():
            seen = "is not there" if given is None else f"has shape {list(given.shape)}"
            raise FileFormatError(
                f"The VAE in {file.name} does not fit the loaded checkpoint: {key} {seen}, where {list(tensor.shape)} is wanted. "
                "Choose one for this kind of checkpoint.",
                field="vae",
            )
    return weights


def _renamed(weights: Weights) -> Weights:
    from backend import loader

    convert = getattr(getattr(loader, "huggingface_guess", None), "diffusers_convert", None)
    if convert is None:
        raise LeaseError(
            "This VAE has diffusers' names, which this web UI cannot read. Choose one with LDM's.", field="vae"
        )
    return convert.convert_vae_state_dict(dict(weights))


def _fill(vae: Any, weights: Weights) -> None:
    with torch.inference_mode():  # in which the web UI made them
        for key, tensor in vae.state_dict().items():
            tensor.copy_(weights[key].reshape(tensor.shape))
