"""The VAE that a run asks for, in the model as long as it is lent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from modules import sd_models, sd_vae
from torch import Tensor

from ....core.base.errors import FileFormatError, InputError, LeaseError
from ....core.model.host import OWN_VAE

Weights = Mapping[str, Tensor]


def vae_file(name: str) -> str | None:
    """Find the web UI's VAE of that name; None for the checkpoint's own. Raises InputError telling what there is."""
    if name == OWN_VAE:
        return None
    if name not in sd_vae.vae_dict:
        sd_vae.refresh_vae_list()  # it may have been put there since
    if name in sd_vae.vae_dict:
        return sd_vae.vae_dict[name]
    raise InputError(
        f"The web UI has no VAE called {name!r}. There are: {', '.join([OWN_VAE, *sorted(sd_vae.vae_dict, key=str.casefold)])}. Leave the field as set for "
        f"the one that the web UI uses, or put the file into {sd_vae.vae_path}.",
        field="vae",
    )


@contextmanager
def chosen_vae(model: Any, name: str) -> Iterator[None]:
    """Inside, the model has this VAE, and the web UI's books say so, as its own load would leave them.

    Not by that load: it moves the whole model, and tells all extensions that a model was loaded. Whatever somebody loads over it
    meanwhile stays. Raises InputError or LeaseError where it cannot be had; nothing has changed then.
    """
    file = vae_file(name) if name else sd_vae.loaded_vae_file
    if file == sd_vae.loaded_vae_file:
        yield
        return
    vae = model.first_stage_model
    weights = _own_weights(model) if file is None else _read(file, vae)
    former = {key: tensor.detach().to("cpu", copy=True) for key, tensor in vae.state_dict().items()}
    before = _Books.now(model)
    base = former if before.file is None else before.base
    ours = _Books(file=file, base=base, info=model.sd_checkpoint_info, model_file=file, model_base=base)
    checkpoint = model.sd_model_checkpoint
    try:
        ours.write(model)
        _fill(vae, weights)
        yield
    finally:
        if _is_ours(model, file, checkpoint):
            _fill(vae, former)
            before.write(model)


@dataclass(frozen=True, kw_only=True)
class _Books:
    """Notes of the web UI about VAEs: the loaded file, the checkpoint's own weights, whose they are; and both again with the model."""

    file: str | None
    base: Any
    info: Any
    model_file: str | None
    model_base: Any

    @classmethod
    def now(cls, model: Any) -> _Books:
        return cls(
            file=sd_vae.loaded_vae_file,
            base=sd_vae.base_vae,
            info=sd_vae.checkpoint_info,
            model_file=getattr(model, "loaded_vae_file", None),
            model_base=getattr(model, "base_vae", None),
        )

    def write(self, model: Any) -> None:
        sd_vae.loaded_vae_file, sd_vae.base_vae, sd_vae.checkpoint_info = self.file, self.base, self.info
        model.loaded_vae_file, model.base_vae = self.model_file, self.model_base


def _is_ours(model: Any, file: str | None, checkpoint: str) -> bool:
    return (
        sd_models.model_data.sd_model is model
        and model.sd_model_checkpoint == checkpoint
        and sd_vae.loaded_vae_file == file == model.loaded_vae_file
    )


def _own_weights(model: Any) -> Weights:
    """Of the checkpoint itself, which the web UI keeps while another VAE is loaded."""
    weights = sd_vae.get_base_vae(model)
    if weights is None:
        raise LeaseError(
            "The web UI has not kept this checkpoint's own VAE. Set SD VAE to None in its settings, and leave VAE to use as set.",
            field="vae",
        )
    return weights


def _read(file: str, vae: Any) -> Weights:
    """With the web UI's reader, which knows what may be in such a file. Raises FileFormatError naming what does not fit."""
    shown = Path(file).name
    try:
        weights = sd_vae.load_vae_dict(file, map_location="cpu")
    except Exception as error:  # of torch, safetensors, the unpickler: the file is to blame for all of them
        why = (
            "the web UI's console says why" if isinstance(error, AttributeError) else error
        )  # None is what its check returns
        raise FileFormatError(f"The VAE {shown} cannot be read: {why}. Choose another.", field="vae") from error
    for key, tensor in vae.state_dict().items():
        found = weights.get(key)
        if found is None or found.shape != tensor.shape:
            seen = "is not there" if found is None else f"has shape {list(found.shape)}"
            raise FileFormatError(
                f"The VAE {shown} does not fit the loaded checkpoint: {key} {seen}, where {list(tensor.shape)} is wanted. "
                "Choose one for this kind of checkpoint.",
                field="vae",
            )
    return weights


@torch.no_grad()
def _fill(vae: Any, weights: Weights) -> None:
    for key, tensor in vae.state_dict().items():
        tensor.copy_(weights[key])
